// What the scenarios about logins have in common: frontgate (FRONTGATE_BIN) and the issuer (issuer.mjs), which both can be
// restarted, and Chromium with a tab that counts the sockets of the Control UI and notes how they end.
import { createRequire } from 'node:module'; import { spawn, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto'; import fs from 'node:fs'; import path from 'node:path'; import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
export const wait = ms => new Promise(done => setTimeout(done, ms));
export const must = (what, holds) => { if (!holds) throw new Error(what); };
export async function until(what, test, seconds = 60) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await wait(100)) { const seen = await test(); if (seen) return seen; }
  throw new Error(`waited ${seconds} s for ${what}`);
}

// play(MAIN)    runs MAIN with the stage that the arguments FOLDER HOST ADDRESS PORT GATEWAY make, and prints what it has noted as
// JSON. FOLDER is for frontgate's files, HOST and ADDRESS are how the browser reaches it at PORT, GATEWAY is the gateway's URL.
export async function play(main) {
  const [folder, host, address, port, gateway] = process.argv.slice(2);
  const stage = new Stage(folder, host, address, port, gateway), { out } = stage;
  try { await main(stage); } catch (error) {
    out.error = error.stack; out.url = stage.tab?.url();
    await stage.tab?.screenshot({ path: `${folder}/failed.png` }).catch(() => {});
  }
  await stage.end();
  out.frontgate = stage.log('frontgate').split('\n').filter(line => /login|logged|issuer|websocket/.test(line)).slice(-30);
  console.log(JSON.stringify(out, null, 1));
  process.exit(out.ok ? 0 : 1);
}

class Stage {
  out = { steps: [], closes: [] };
  began = Date.now();
  // The Control UI's first tab: how often it was greeted by the gateway, how many sockets it opened, where it went.
  hellos = 0; sockets = 0; urls = [];
  #children = {};
  #secret = randomBytes(12).toString('hex');

  constructor(folder, host, address, port, gateway) {
    Object.assign(this, { folder, host, address, gateway, origin: `https://${host}:${port}`, port, issuerPort: 9400 });
    this.issuerUrl = `http://127.0.0.1:${this.issuerPort}`; this.ca = `${folder}/state/ca.pem`; this.admin = 'http://127.0.0.1:9484';
  }

  step(name, seen = {}) { this.out.steps.push({ at: Date.now() - this.began, name, ...seen }); }
  log(name) { const file = `${this.folder}/${name}.log`; return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : ''; }

  start(name, command, args, env) {
    const log = fs.openSync(`${this.folder}/${name}.log`, 'a');
    const child = this.#children[name] = spawn(command, args, { cwd: this.folder, env, stdio: ['ignore', log, log] });
    child.gone = new Promise(done => child.on('exit', done));
  }
  async stop(name) { this.#children[name].kill('SIGTERM'); await this.#children[name].gone; }

  // `auth` and `routes` are YAML; without them users log in at the issuer.
  async startFrontgate({ oidc = '', auth = this.#atTheIssuer(oidc), routes = '', names = [] } = {}) {
    fs.writeFileSync(`${this.folder}/frontgate.yaml`, `
listen: { https: ["[::]:${this.port}"] }
tls: { names: [${[this.host, 'localhost', ...names].join(', ')}] }
state_dir: state
upstream: ${this.gateway}
admin: ${this.admin.slice('http://'.length)}
log: { level: debug }
${auth}${routes}`);
    const times = () => this.log('frontgate').split('"listening"').length, before = times();
    const env = { PATH: '/usr/bin:/bin', HOME: this.folder, FRONTGATE_LOG_FORMAT: 'json' };
    this.start('frontgate', process.env.FRONTGATE_BIN, ['serve', '-c', `${this.folder}/frontgate.yaml`], env);
    await until('frontgate', () => times() > before);
    await until("frontgate's CA", () => fs.existsSync(this.ca));
  }

  #atTheIssuer(more) {
    return `
auth:
  oidc: { issuer: "${this.issuerUrl}", client_id: gw, client_secret: "${this.#secret}", allow: { domains: [example.com] }${more} }
  user_header: X-Forwarded-User
  recheck: 2s
`;
  }

  async startIssuer(env = {}) {
    this.start('issuer', process.execPath, [`${here}/issuer.mjs`, String(this.issuerPort), this.origin],
      { ...process.env, CLIENT_SECRET: this.#secret, NODE_EXTRA_CA_CERTS: this.ca, ...env });
    await until('the issuer', () => fetch(`${this.issuerUrl}/.well-known/openid-configuration`).then(answer => answer.ok, () => false));
  }

  // Chromium that trusts frontgate's CA, and knows HOST and this machine only.
  async openBrowser(names = []) {
    const { chromium } = createRequire(path.join(process.env.OPENCLAW_KIT_INSTALL, 'package.json'))('playwright-core');
    const home = `${this.folder}/home`; fs.mkdirSync(home, { recursive: true });
    for (const d of ['.pki/nssdb', '.local/share/pki/nssdb']) {
      const db = path.join(home, d); fs.mkdirSync(db, { recursive: true });
      execFileSync('certutil', ['-N', '-d', `sql:${db}`, '--empty-password']);
      execFileSync('certutil', ['-A', '-d', `sql:${db}`, '-t', 'C,,', '-n', 'ca', '-i', this.ca]);
    }
    const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      `--host-resolver-rules=${[this.host, ...names].map(name => `MAP ${name} ${this.address}`).join(', ')}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`];
    this.context = await chromium.launchPersistentContext(`${this.folder}/profile`, { executablePath: '/usr/bin/chromium', headless: true, args, env: { PATH: '/usr/bin:/bin', HOME: home, LANG: 'C.UTF-8' }, ignoreHTTPSErrors: false });
    const tab = this.tab = this.context.pages()[0];
    await tab.exposeFunction('__at', href => this.urls.push(href));
    await tab.addInitScript(() => { if (window === top) window.__at?.(location.href); });
    await tab.exposeFunction('__closed', close => this.out.closes.push({ at: Date.now() - this.began, ...close }));
    await tab.addInitScript(() => {
      const Native = window.WebSocket;
      window.WebSocket = class extends Native { constructor(...all) { super(...all); this.addEventListener('close', e => window.__closed({ code: e.code, reason: e.reason })); } };
    });
    tab.on('websocket', socket => { this.sockets++; socket.on('framereceived', frame => { if (typeof frame.payload === 'string' && frame.payload.includes('"hello-ok"')) this.hellos++; }); });
    return tab;
  }

  async logIn(tab, name) {
    await tab.waitForSelector('input[name=login]', { timeout: 60000 });
    await tab.fill('input[name=login]', name);
    await tab.fill('input[name=password]', 'x');
    await tab.click('button[type=submit]');
    await tab.waitForSelector('form:has(input[value=consent])', { state: 'attached' });
    await tab.click('button[type=submit]');
  }

  // By a page of its own, which the issuer asks to confirm.
  async logOut(tab) {
    await tab.goto(`${this.origin}/.frontgate/logout`);
    await until('the page after the logout', async () => {
      if (tab.url().startsWith(this.issuerUrl)) await tab.click('button[value=yes], button[name=logout]', { timeout: 1000 }).catch(() => {});
      return tab.url() === `${this.origin}/.frontgate/logged-out`;
    });
  }

  // The next close with this code after the first COUNT ones.
  async closed(code, count, seconds = 20) {
    const found = () => this.out.closes.slice(count).find(close => close.code === code);
    return until(`a close with ${code}`, found, seconds).catch(error => ({ error: String(error) }));
  }

  async end() {
    await this.context?.close().catch(() => {});
    for (const name of Object.keys(this.#children)) await this.stop(name).catch(() => {});
  }
}
