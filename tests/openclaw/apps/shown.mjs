// shown.mjs FOLDER HOST ADDRESS PORT GATEWAY    an app of an MCP server's in the real Control UI, through frontgate -> one JSON object
// (see ../login/stage.mjs). OC is the gateway's own program with its state folder, TOKEN its token, APPS the name of apps, CA
// frontgate's CA. The model (model.mjs) and the server (server.mjs) are in the gateway's config.
import { execFileSync } from 'node:child_process'; import fs from 'node:fs';
import { must, play, until } from '../login/stage.mjs';

fs.mkdirSync(`${process.argv[2]}/state`, { recursive: true }); fs.copyFileSync(process.env.CA, `${process.argv[2]}/state/ca.pem`);
await play(async stage => {
  const { out, origin } = stage, { APPS, TOKEN } = process.env, [program, ...first] = process.env.OC.split(' ');
  const oc = (...args) => JSON.parse(execFileSync(program, [...first, ...args, '--json'], { encoding: 'utf8' }));
  const tab = await stage.openBrowser([APPS]);
  const asked = []; tab.on('request', request => { if (request.url().includes(APPS)) asked.push(request.url()); });
  await tab.goto(`${origin}/chat/main#token=${TOKEN}`);
  await until('a connection', async () => {
    for (const request of stage.hellos ? [] : oc('devices', 'list').pending ?? []) oc('devices', 'approve', request.requestId);
    return stage.hellos > 0;
  }, 90);
  stage.step('connected');
  oc('gateway', 'call', 'chat.send', '--params', JSON.stringify({ sessionKey: 'main', message: 'show it', idempotencyKey: `k${Date.now()}` }));
  const text = await until('the app', async () => {
    for (const frame of tab.frames().filter(frame => new URL(frame.url() || 'about:blank').host === APPS))
      for (const child of frame.childFrames()) {
        const seen = await child.evaluate(() => document.getElementById('app')?.textContent).catch(() => undefined);
        if (seen) return seen;
      }
  }, 90);
  must(`it runs in an origin of its own: ${text}`, text === 'an app that runs in no origin');
  const frame = tab.frames().find(frame => new URL(frame.url() || 'about:blank').host === APPS);
  must(`the frame around it is at the name of apps: ${frame.url()}`, new URL(frame.url()).origin === `https://${APPS}`);
  out.asked = asked.length; await tab.screenshot({ path: `${stage.folder}/app.png` });
  out.ok = true;
});
