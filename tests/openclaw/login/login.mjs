// login.mjs FOLDER HOST ADDRESS PORT GATEWAY    logs in, works, and logs out, in Chromium -> one JSON object
// FOLDER is for frontgate's files, HOST and ADDRESS are how the browser reaches it at PORT, GATEWAY is the gateway's URL.
// Starts frontgate (FRONTGATE_BIN) and the issuer (issuer.mjs) itself, since it restarts both under the browser.
import { createRequire } from 'node:module'; import { spawn, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto'; import fs from 'node:fs'; import path from 'node:path'; import { fileURLToPath } from 'node:url';

const [folder, host, address, port, gateway] = process.argv.slice(2);
const here = path.dirname(fileURLToPath(import.meta.url));
const { chromium } = createRequire(path.join(process.env.OPENCLAW_KIT_INSTALL, 'package.json'))('playwright-core');
const origin = `https://${host}:${port}`, issuerPort = 9400, issuerUrl = `http://127.0.0.1:${issuerPort}`;
const secret = randomBytes(12).toString('hex'), ca = `${folder}/state/ca.pem`;
const out = { steps: [], closes: [], frontgate: [] };
const t0 = Date.now(), step = (name, seen = {}) => out.steps.push({ at: Date.now() - t0, name, ...seen });
const wait = ms => new Promise(done => setTimeout(done, ms));
const until = async (what, test, seconds = 60) => {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await wait(100)) { const seen = await test(); if (seen) return seen; }
  throw new Error(`waited ${seconds} s for ${what}`);
};
const must = (what, holds) => { if (!holds) throw new Error(what); };

fs.writeFileSync(`${folder}/frontgate.yaml`, `
listen: { https: ["[::]:${port}"] }
tls: { names: [${host}, localhost] }
state_dir: state
upstream: ${gateway}
admin: off
log: { level: debug }
auth:
  oidc: { issuer: "${issuerUrl}", client_id: gw, client_secret: "${secret}", allow: { domains: [example.com] } }
  user_header: X-Forwarded-User
`);
const children = {};
function start(name, command, args, env) {
  const log = fs.openSync(`${folder}/${name}.log`, 'a');
  children[name] = spawn(command, args, { cwd: folder, env, stdio: ['ignore', log, log] });
  children[name].gone = new Promise(done => children[name].on('exit', done));
}
const stop = async name => { children[name].kill('SIGTERM'); await children[name].gone; };
const log = name => fs.readFileSync(`${folder}/${name}.log`, 'utf8');
const startFrontgate = async () => {
  const before = (fs.existsSync(`${folder}/frontgate.log`) ? log('frontgate') : '').split('"listening"').length;
  start('frontgate', process.env.FRONTGATE_BIN, ['serve', '-c', `${folder}/frontgate.yaml`], { PATH: '/usr/bin:/bin', HOME: folder, FRONTGATE_LOG_FORMAT: 'json' });
  await until('frontgate', () => log('frontgate').split('"listening"').length > before);
};
const startIssuer = async () => {
  start('issuer', process.execPath, [`${here}/issuer.mjs`, String(issuerPort), origin], { ...process.env, CLIENT_SECRET: secret, NODE_EXTRA_CA_CERTS: ca });
  await until('the issuer', () => fetch(`${issuerUrl}/.well-known/openid-configuration`).then(answer => answer.ok, () => false));
};

async function main() {
  await startFrontgate();
  await until("frontgate's CA", () => fs.existsSync(ca));
  const home = `${folder}/home`; fs.mkdirSync(home, { recursive: true });
  for (const d of ['.pki/nssdb', '.local/share/pki/nssdb']) {
    const db = path.join(home, d); fs.mkdirSync(db, { recursive: true });
    execFileSync('certutil', ['-N', '-d', `sql:${db}`, '--empty-password']);
    execFileSync('certutil', ['-A', '-d', `sql:${db}`, '-t', 'C,,', '-n', 'ca', '-i', ca]);
  }
  const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    `--host-resolver-rules=MAP ${host} ${address}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`];
  const context = await chromium.launchPersistentContext(`${folder}/profile`, { executablePath: '/usr/bin/chromium', headless: true, args, env: { PATH: '/usr/bin:/bin', HOME: home, LANG: 'C.UTF-8' }, ignoreHTTPSErrors: false });
  out.context = context; Object.defineProperty(out, 'context', { enumerable: false });
  const tab = context.pages()[0];
  const urls = []; let hellos = 0, sockets = 0;
  await tab.exposeFunction('__at', href => urls.push(href));
  await tab.addInitScript(() => { if (window === top) window.__at?.(location.href); });
  await tab.exposeFunction('__closed', close => out.closes.push({ at: Date.now() - t0, ...close }));
  await tab.addInitScript(() => {
    const Native = window.WebSocket;
    window.WebSocket = class extends Native { constructor(...all) { super(...all); this.addEventListener('close', e => window.__closed({ code: e.code, reason: e.reason })); } };
  });
  tab.on('websocket', socket => { sockets++; socket.on('framereceived', frame => { if (typeof frame.payload === 'string' && frame.payload.includes('"hello-ok"')) hellos++; }); });

  // The issuer is not there yet: a page that says so and waits.
  const deep = `${origin}/chat?x=%2F&y=+`;
  await tab.goto(`${deep}#fragment=kept`);
  must('a page about the login service', (await tab.content()).includes('login_service_unavailable'));
  step('without the issuer: a page that waits');
  await startIssuer();
  await tab.waitForURL(url => url.href.startsWith(issuerUrl), { timeout: 60000 });
  await tab.waitForSelector('input[name=login]');
  step("the issuer's form", { url: tab.url() });
  must('the fragment is not for the issuer', !tab.url().includes('fragment'));
  await logIn(tab, 'ann');
  await until('the way back', () => urls.some(url => url === `${deep}#fragment=kept`));
  step('back at the page, fragment and all', { url: `${deep}#fragment=kept` });
  await until('the Control UI to connect', () => hellos > 0);
  step('the Control UI is connected', { text: (await tab.evaluate(() => document.body.innerText)).replace(/\s+/g, ' ').slice(0, 120) });

  await stop('issuer');
  const before = hellos;
  await tab.reload();
  await until('the Control UI without the issuer', () => hellos > before);
  step('the issuer is gone, the login goes on');
  await startIssuer();
  step('the issuer is back, with other keys');
  let seen = hellos;
  await stop('frontgate'); await startFrontgate();
  await until('the Control UI after a restart of frontgate', () => hellos > seen);
  step('frontgate was restarted, the login goes on', { closes: out.closes.slice(-1) });

  // Log out in another tab.
  const other = await context.newPage();
  const closesBefore = out.closes.length, navigationsBefore = urls.length, socketsBefore = sockets;
  const clicked = Date.now();
  await other.goto(`${origin}/.frontgate/logout`);
  await until('the page after the logout', async () => {
    if (other.url().startsWith(issuerUrl)) await other.click('button[value=yes], button[name=logout]', { timeout: 1000 }).catch(() => {});
    return other.url() === `${origin}/.frontgate/logged-out`;
  });
  step('logged out in another tab', { text: (await other.evaluate(() => document.body.innerText)).replace(/\s+/g, ' ') });
  const close = await until('1008', () => out.closes.slice(closesBefore).find(close => close.code === 1008), 20).catch(error => ({ error: String(error) }));
  step('the socket of the first tab', { close, after: close.at ? close.at - (clicked - t0) : null });
  await wait(20000);
  out.afterLogout = { closes: out.closes.slice(closesBefore), sockets: sockets - socketsBefore, navigations: urls.slice(navigationsBefore), url: tab.url(), text: (await tab.evaluate(() => document.body.innerText).catch(String)).replace(/\s+/g, ' ').slice(0, 300) };
  await tab.screenshot({ path: `${folder}/after-logout.png` });
  step('20 s later');

  // And in again, with a code of the new keys.
  await tab.goto(`${origin}/`);
  await tab.waitForSelector('input[name=login]', { timeout: 60000 });
  seen = hellos;
  await logIn(tab, 'bob');
  await until('the Control UI of the next user', () => hellos > seen);
  step('another user has logged in, by the new keys');

  // A logout at the issuer alone ends the login here, too.
  const closes = out.closes.length;
  await other.goto(`${issuerUrl}/session/end`);
  await other.click('button[value=yes], button[name=logout]', { timeout: 5000 });
  const end = await until('1008', () => out.closes.slice(closes).find(close => close.code === 1008), 20).catch(error => ({ error: String(error) }));
  step("logged out at the issuer alone", { close: end });
  await tab.reload();
  await tab.waitForSelector('input[name=login]', { timeout: 60000 });
  step('the login page again');
  out.ok = close.reason === 'session ended' && end.reason === 'session ended' && out.afterLogout.sockets < 10;
}

async function logIn(tab, name) {
  await tab.fill('input[name=login]', name);
  await tab.fill('input[name=password]', 'x');
  await tab.click('button[type=submit]');
  await tab.waitForSelector('form:has(input[value=consent])', { state: 'attached' });
  await tab.click('button[type=submit]');
}

try { await main(); } catch (error) { out.error = error.stack; await out.context?.pages()[0]?.screenshot({ path: `${folder}/failed.png` }).catch(() => {}); out.url = out.context?.pages()[0]?.url(); }
await out.context?.close().catch(() => {});
for (const name of Object.keys(children)) await stop(name).catch(() => {});
out.frontgate = log('frontgate').split('\n').filter(line => /login|logged|issuer|websocket/.test(line)).slice(-30);
console.log(JSON.stringify(out, null, 1));
process.exit(out.ok ? 0 : 1);
