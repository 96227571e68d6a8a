// login.mjs FOLDER HOST ADDRESS PORT GATEWAY    logs in, works, and logs out, in Chromium -> one JSON object (see stage.mjs)
import { must, play, until, wait } from './stage.mjs';

await play(async stage => {
  const { origin, issuerUrl, out } = stage;
  await stage.startFrontgate();
  const tab = await stage.openBrowser();

  // The issuer is not there yet: a page that says so and waits.
  const deep = `${origin}/chat?x=%2F&y=+`;
  await tab.goto(`${deep}#fragment=kept`);
  must('a page about the login service', (await tab.content()).includes('login_service_unavailable'));
  stage.step('without the issuer: a page that waits');
  await stage.startIssuer();
  await tab.waitForURL(url => url.href.startsWith(issuerUrl), { timeout: 60000 });
  await tab.waitForSelector('input[name=login]');
  stage.step("the issuer's form", { url: tab.url() });
  must('the fragment is not for the issuer', !tab.url().includes('fragment'));
  await stage.logIn(tab, 'ann');
  await until('the way back', () => stage.urls.some(url => url === `${deep}#fragment=kept`));
  stage.step('back at the page, fragment and all', { url: `${deep}#fragment=kept` });
  await until('the Control UI to connect', () => stage.hellos > 0);
  stage.step('the Control UI is connected', { text: (await tab.evaluate(() => document.body.innerText)).replace(/\s+/g, ' ').slice(0, 120) });

  await stage.stop('issuer');
  const before = stage.hellos;
  await tab.reload();
  await until('the Control UI without the issuer', () => stage.hellos > before);
  stage.step('the issuer is gone, the login goes on');
  await stage.startIssuer();
  stage.step('the issuer is back, with other keys');
  let seen = stage.hellos;
  await stage.stop('frontgate'); await stage.startFrontgate();
  await until('the Control UI after a restart of frontgate', () => stage.hellos > seen);
  stage.step('frontgate was restarted, the login goes on', { closes: out.closes.slice(-1) });

  // Log out in another tab.
  const other = await stage.context.newPage();
  const closesBefore = out.closes.length, navigationsBefore = stage.urls.length, socketsBefore = stage.sockets;
  const clicked = Date.now();
  await stage.logOut(other);
  stage.step('logged out in another tab', { text: (await other.evaluate(() => document.body.innerText)).replace(/\s+/g, ' ') });
  const close = await stage.closed(1008, closesBefore);
  stage.step('the socket of the first tab', { close, after: close.at ? close.at - (clicked - stage.began) : null });
  await wait(20000);
  out.afterLogout = { closes: out.closes.slice(closesBefore), sockets: stage.sockets - socketsBefore, navigations: stage.urls.slice(navigationsBefore) };
  stage.step('20 s later');

  // And in again, with a code of the new keys.
  await tab.goto(`${origin}/`);
  await tab.waitForSelector('input[name=login]', { timeout: 60000 });
  seen = stage.hellos;
  await stage.logIn(tab, 'bob');
  await until('the Control UI of the next user', () => stage.hellos > seen);
  stage.step('another user has logged in, by the new keys');

  // A logout at the issuer alone ends the login here, too.
  const closes = out.closes.length;
  await other.goto(`${issuerUrl}/session/end`);
  await other.click('button[value=yes], button[name=logout]', { timeout: 5000 });
  const end = await stage.closed(1008, closes);
  stage.step('logged out at the issuer alone', { close: end });
  await tab.reload();
  await tab.waitForSelector('input[name=login]', { timeout: 60000 });
  stage.step('the login page again');
  out.ok = close.reason === 'session ended' && end.reason === 'session ended' && out.afterLogout.sockets < 10;
});
