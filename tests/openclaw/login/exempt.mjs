// exempt.mjs FOLDER HOST ADDRESS PORT GATEWAY    what `exempt: openclaw` leaves open of all the paths that the gateway's code names,
// asked with and without a login through frontgate -> one JSON object (see stage.mjs)
import { createHash, randomBytes } from 'node:crypto'; import fs from 'node:fs'; import http from 'node:http'; import https from 'node:https'; import path from 'node:path';
import { must, play } from './stage.mjs';

// One path of each kind, and what the gateway itself says to it without a login of any kind.
const EXEMPT = [
  ['GET', '/share/card.png'], ['HEAD', '/share/card.png'], ['GET', '/share/session?token=none'],
  ['GET', '/j/none'], ['HEAD', '/j/none'], ['POST', '/j/none'],
  ['GET', '/healthz'], ['HEAD', '/healthz'], ['GET', '/startupz'], ['GET', '/readyz'],
  ['UPGRADE', '/__openclaw__/worker'],
];
// Near to them, and not exempt.
const NEAR = [
  ['POST', '/share/card.png'], ['UPGRADE', '/share/x'], ['GET', '/share'], ['GET', '/share/'], ['GET', '/share/../chat'], ['GET', '/share/%2e%2e/chat'],
  ['GET', '//share/x'], ['GET', '/Share/x'], ['GET', '/j'], ['UPGRADE', '/j/none'], ['PUT', '/j/none'], ['GET', '/j/..%2f'], ['GET', '/healthz/x'], ['POST', '/healthz'],
  ['UPGRADE', '/healthz'], ['GET', '/__openclaw__/worker'], ['POST', '/__openclaw__/worker'], ['UPGRADE', '/__openclaw__/worker/x'], ['UPGRADE', '/'],
];

await play(async stage => {
  const { folder, host, address, port, gateway, out } = stage;
  const token = randomBytes(32).toString('base64url');
  await stage.startFrontgate({ auth: `
auth:
  token: { robot: { sha256: ${createHash('sha256').update(token).digest('hex')} } }
  user_header: X-Forwarded-User
  exempt: openclaw
` });
  const ca = fs.readFileSync(stage.ca);
  const through = (method, target, headers = {}) => ask(https, { host: address, port, servername: host, ca, agent: new https.Agent({ maxSockets: 1 }) }, host, method, target, headers);
  const directly = (method, target) => ask(http, { host: '127.0.0.1', port: new URL(gateway).port }, host, method, target,
    { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https', 'x-forwarded-host': `${host}:${port}` });
  const login = { authorization: `Bearer ${token}` };
  const isRefused = answer => answer.status === 401 && answer.text.includes('login_required') || answer.status === 400 && answer.text.includes('ambiguous_path') || answer.head === true && answer.status === 401 && /bearer/i.test(answer.challenge);

  out.exempt = [];
  for (const [method, target] of EXEMPT) {
    const [without, own] = [await through(method, target), await directly(method, target)];
    out.exempt.push(`${method} ${target} ${without.status}`);
    must(`${method} ${target} reaches the gateway without a login: ${JSON.stringify(without)}`, !isRefused(without));
    must(`${method} ${target}: the gateway itself says ${own.status}, through frontgate it is ${without.status}`, own.status === without.status);
  }
  stage.step('each exempt path is answered by the gateway, as it answers itself');

  for (const [method, target] of NEAR) {
    const without = await through(method, target);
    must(`${method} ${target} is refused: ${JSON.stringify(without)}`, isRefused(without));
  }
  stage.step('what is near to them is refused');

  // Every path that stands in the gateway's code, whatever it is for there.
  const paths = pathsOf(path.join(process.env.OPENCLAW_KIT_INSTALL, 'node_modules/openclaw/dist'));
  must(`the code names the paths: ${paths.length}`, paths.length > 100 && ['/__openclaw__/worker-bootstrap', '/tools/invoke', '/j/'].every(one => paths.includes(one)));
  out.paths = paths.length; out.open = [];
  for (const target of paths.flatMap(one => [one, one.endsWith('/') ? `${one}x` : `${one}/x`]))
    for (const method of ['GET', 'POST', 'UPGRADE']) {
      const without = await through(method, target);
      if (!isRefused(without)) out.open.push(`${method} ${target}`);
    }
  const listed = one => /^(GET|POST) \/j\/[^/]|^GET \/share\/|^GET \/(healthz|startupz|readyz)$|^UPGRADE \/__openclaw__\/worker$/.test(one);
  must(`only what is on the list is open: ${out.open.filter(one => !listed(one))}`, out.open.every(listed));
  console.log(`figure: ${paths.length} paths of the gateway's code, open of them ${out.open.length}: ${out.open.join(', ')}`);
  for (const target of ['/', '/control-ui-config.json', '/tools/invoke', '/__openclaw__/worker-bootstrap/artifacts/x', '/api/nodes/watch', '/share/card.png', '/healthz']) {
    const answer = await through('GET', target, login);
    must(`${target} reaches the gateway with a login: ${JSON.stringify(answer)}`, !isRefused(answer));
  }
  stage.step('of what the code names, the list alone is open');
  out.ok = true;
});

function ask(protocol, options, host, method, target, headers) {
  const upgrade = method === 'UPGRADE';
  const more = upgrade ? { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' } : { accept: 'application/json' };
  return new Promise((done, failed) => {
    const request = protocol.request({ ...options, method: upgrade ? 'GET' : method, path: target, headers: { host: `${host}:${options.port}`, ...more, ...headers }, timeout: 15000 });
    request.on('upgrade', (answer, socket) => { socket.destroy(); done({ status: answer.statusCode, text: '' }); });
    request.on('response', answer => {
      let text = '';
      answer.on('data', part => { text += part; });
      answer.on('end', () => done({ status: answer.statusCode, text: text.slice(0, 300), head: method === 'HEAD', challenge: answer.headers['www-authenticate'] ?? '' }));
    });
    request.on('error', failed); request.on('timeout', () => request.destroy(new Error(`no answer to ${method} ${target}`)));
    request.end();
  });
}

// What looks like a path in files that answer HTTP.
function pathsOf(dist) {
  const found = new Set();
  for (const name of fs.readdirSync(dist).filter(name => name.endsWith('.mjs'))) {
    const text = fs.readFileSync(path.join(dist, name), 'utf8');
    if (!/gateway-http-route-contracts/.test(name + text) && !(/pathname|req\.url/.test(text) && /setHeader|writeHead|sendJson/.test(text))) continue;
    for (const [, one] of text.matchAll(/["'`](\/(?:[\w.-]+\/?)+)["'`$]/g)) if (!one.includes('..')) found.add(one);
  }
  return [...found].sort();
}
