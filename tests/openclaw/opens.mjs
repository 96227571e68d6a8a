#!/usr/bin/env node
// opens.mjs HOME URL [NAME=ADDRESS]...    open URL in Chromium as the user whose home folder is HOME -> one JSON object
// Nothing is trusted but what that user's stores trust, and no certificate error is passed over. Exit 0 when the page opened.
import { createRequire } from 'node:module';
import fs from 'node:fs'; import os from 'node:os'; import path from 'node:path';

const [home, url, ...names] = process.argv.slice(2);
const install = process.env.OPENCLAW_KIT_INSTALL;
if (!url || !install) { console.error('usage: OPENCLAW_KIT_INSTALL=FOLDER opens.mjs HOME URL [NAME=ADDRESS]...'); process.exit(2); }
const { chromium } = createRequire(path.join(install, 'package.json'))('playwright-core');
const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'opens-'));
const rules = [...names.map(name => `MAP ${name.replace('=', ' ')}`), 'MAP * ~NOTFOUND', 'EXCLUDE 127.0.0.1', 'EXCLUDE localhost', 'EXCLUDE ::1'];
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', `--host-resolver-rules=${rules.join(', ')}`];
const env = { PATH: '/usr/bin:/bin', HOME: home, LANG: 'C.UTF-8' };
const out = { url, opened: false, error: null };
const context = await chromium.launchPersistentContext(profile, { executablePath: '/usr/bin/chromium', headless: true, args, env, ignoreHTTPSErrors: false });
try {
  const page = await context.newPage();
  out.status = (await page.goto(url, { timeout: 20000 }))?.status();
  out.isSecureContext = await page.evaluate(() => window.isSecureContext);
  out.title = await page.title();
  out.opened = true;
} catch (error) { out.error = String(error.message).split('\n')[0]; }
await context.close();
fs.rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
console.log(JSON.stringify(out));
process.exit(out.opened ? 0 : 1);
