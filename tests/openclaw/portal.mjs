// portal.mjs FOLDER HOST ADDRESS PORT GATEWAY    a portal of the real gateway's in Chromium, through frontgate -> one JSON object (see
// login/stage.mjs). OC is the gateway's own program with its state folder, PORTALS the domain of portals, CA frontgate's CA.
import { createRequire } from 'node:module'; import { execFileSync } from 'node:child_process';
import fs from 'node:fs'; import http from 'node:http'; import https from 'node:https'; import path from 'node:path';
import { must, play, until } from './login/stage.mjs';

const { WebSocketServer } = createRequire(path.join(process.env.OPENCLAW_KIT_INSTALL, 'package.json'))('ws');

// The application: a page with an asset and a socket for live reload. It notes what it learns of each client.
const heads = [];
const server = http.createServer((request, response) => {
  heads.push({ url: request.url, headers: request.headers });
  if (request.url.startsWith('/slow')) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }); response.write('data: first\n\n');
    setTimeout(() => response.end('data: last\n\n'), 3000);
    return;
  }
  response.writeHead(200, request.url.startsWith('/app.js') ? { 'Content-Type': 'text/javascript' } : { 'Content-Type': 'text/html', 'Set-Cookie': 'theme=dark; Path=/' });
  response.end(request.url.startsWith('/app.js')
    ? `const s = new WebSocket('wss://' + location.host + '/reload'); s.onmessage = e => { document.title = e.data; };`
    : '<!doctype html><title>loading</title><script src="/app.js"></script><h1>an application</h1>');
});
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket, request) => { heads.push({ url: request.url, headers: request.headers }); socket.send('reloaded'); });
await new Promise(done => server.listen(0, '127.0.0.1', done));

fs.mkdirSync(`${process.argv[2]}/state`, { recursive: true }); fs.copyFileSync(process.env.CA, `${process.argv[2]}/state/ca.pem`);
await play(async stage => {
  const { out, address } = stage, [program, ...first] = process.env.OC.split(' ');
  const call = (method, params) => JSON.parse(execFileSync(program, [...first, 'gateway', 'call', method, '--params', JSON.stringify(params), '--json'], { encoding: 'utf8' }));
  const opened = call('portal.open', { port: server.address().port, title: 'an application' });
  const url = new URL(opened.url);
  must(`its address is below the domain: ${url.host}`, url.host.endsWith(`.${process.env.PORTALS}`) && url.port === '');

  const tab = await stage.openBrowser([`*.${process.env.PORTALS}`]);
  await tab.goto(opened.url);
  await until('live reload', async () => await tab.title() === 'reloaded');
  await tab.reload();
  await until('live reload after a reload', async () => await tab.title() === 'reloaded');
  must(`the application does not learn the portal's token: ${heads.map(head => head.url)}`, heads.length > 5 && !JSON.stringify(heads).includes(url.searchParams.get('openclaw_portal')));
  stage.step('page, asset and socket');

  // A client that claims an identity, and the application's own credentials.
  const claims = { 'X-Auth-Request-User': 'root', 'Remote-User': 'root', 'X-Forwarded-User': 'root', 'X-Webauth-User': 'root', 'X-Authentik-Username': 'root', 'X-Openclaw-Scopes': 'operator.admin', Authorization: 'Bearer of-the-application' };
  const ask = target => new Promise((done, failed) => {
    const began = Date.now(), request = https.request({ host: address, port: 443, servername: url.host, path: target, headers: { ...claims, host: url.host }, ca: fs.readFileSync(process.env.CA) }, answer => {
      let text = '', firstAt; answer.on('data', part => { firstAt ??= Date.now() - began; text += part; }); answer.on('end', () => done({ status: answer.statusCode, text, firstAt, lastAt: Date.now() - began }));
    });
    request.on('error', failed); request.end();
  });
  const before = heads.length;
  const answer = await ask(`/claims?${opened.tokenQuery}`);
  must(`the application answers: ${JSON.stringify(answer).slice(0, 300)}`, answer.status === 200 || answer.status === 302);
  const streamed = await ask(`/slow?${opened.tokenQuery}`);
  must(`a stream is not held back: ${JSON.stringify(streamed)}`, streamed.text.includes('last') && streamed.lastAt - streamed.firstAt > 1500);
  const seen = heads.slice(before).find(head => head.url.startsWith('/claims') || head.url.startsWith('/slow'));
  must('the application was asked', seen);
  for (const name of Object.keys(claims).filter(name => name !== 'Authorization')) must(`the application learns ${name}: ${JSON.stringify(seen.headers)}`, !(name.toLowerCase() in seen.headers));
  must(`the application's own Authorization: ${JSON.stringify(seen.headers)}`, seen.headers.authorization === claims.Authorization);
  stage.step('no identity, and its own Authorization');

  call('portal.close', { id: opened.id });
  const closed = await ask('/');
  must(`a closed portal is gone: ${closed.status}`, closed.status === 404 && closed.text === 'Unknown portal');
  out.ok = true;
});
