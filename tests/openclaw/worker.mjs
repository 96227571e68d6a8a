// worker.mjs INSTALL URL ADDRESS [CA.pem]    what the socket of workers says to a client that is none: one line of text
import { createRequire } from 'node:module'; import fs from 'node:fs'; import path from 'node:path';
const [install, url, address, ca] = process.argv.slice(2);
const WebSocket = createRequire(path.join(install, 'package.json'))('ws');
const socket = new WebSocket(url, { lookup: (_, o, done) => o?.all ? done(null, [{ address, family: 4 }]) : done(null, address, 4), ca: ca && fs.readFileSync(ca), handshakeTimeout: 15000 });
const say = text => { console.log(text); process.exit(0); };
setTimeout(() => { console.log('nothing in 20 s'); process.exit(1); }, 20000);
socket.on('unexpected-response', (_, answer) => { let body = ''; answer.on('data', part => { body += part; }); answer.on('end', () => say(`worker upgrade ${answer.statusCode} ${body.trim()}`)); });
socket.on('open', () => socket.send('{"no":"handshake"}'));
socket.on('close', (code, reason) => say(`worker socket ${code} ${reason}`));
socket.on('error', error => { console.log(error.message); process.exit(1); });
