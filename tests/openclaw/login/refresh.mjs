// refresh.mjs FOLDER HOST ADDRESS PORT GATEWAY    a login that the issuer is asked about with refresh tokens, which it replaces each
// time, under the open Control UI -> one JSON object (see stage.mjs)
import { must, play, until, wait } from './stage.mjs';

await play(async stage => {
  const { origin, out } = stage;
  const refreshed = () => stage.log('issuer').split('refresh_token given').length - 1;
  await stage.startFrontgate({ oidc: ', scopes: [openid, email, offline_access], session: 6s' });
  await stage.startIssuer({ REFRESH: '1' });
  const tab = await stage.openBrowser();
  await tab.goto(`${origin}/`);
  await stage.logIn(tab, 'ann');
  await until('the Control UI to connect', () => stage.hellos > 0);
  const hellos = stage.hellos;
  await until('five refreshes, twice as long as the session', () => refreshed() >= 6);
  must(`no socket has ended: ${JSON.stringify(out.closes)}`, out.closes.length === 0);
  stage.step('the login goes on behind its time', { refreshed: refreshed() });

  // A request brings the browser the newest token, and a restart of frontgate goes on with it, also where the browser has none of it.
  await tab.evaluate(() => fetch('/control-ui-config.json', { cache: 'no-store' }));
  const before = refreshed();
  await until('more refreshes', () => refreshed() >= before + 2);
  await stage.stop('frontgate');
  await stage.startFrontgate({ oidc: ', scopes: [openid, email, offline_access], session: 6s' });
  await until('the Control UI after a restart of frontgate', () => stage.hellos > hellos);
  const restarted = refreshed();
  await until('refreshes after the restart', () => refreshed() >= restarted + 2);
  stage.step('frontgate was restarted, the login goes on', { refreshed: refreshed() });

  const closes = out.closes.length;
  await stage.stop('issuer');
  await wait(8000);
  must(`no socket ends while the issuer is gone: ${JSON.stringify(out.closes)}`, out.closes.length === closes);
  stage.step('the issuer was gone for longer than the session');
  // It knows no login after its start.
  await stage.startIssuer({ REFRESH: '1' });
  const close = await stage.closed(1008, closes);
  must(`1008 session ended: ${JSON.stringify(close)}`, close.reason === 'session ended');
  stage.step('the issuer refuses, and the socket ends', { close });
  await tab.goto(`${origin}/`);
  await tab.waitForSelector('input[name=login]', { timeout: 60000 });
  out.ok = true;
});
