// ended.mjs FOLDER HOST ADDRESS PORT GATEWAY    a login ends under the open Control UI, which leads to the next one by itself
// -> one JSON object (see stage.mjs)
import { must, play, until, wait } from './stage.mjs';

// The button of the Control UI's "Sign in to continue loading content", wherever its components keep it.
const SIGN_IN = 'openclaw-modal-dialog button.primary';

await play(async stage => {
  const { origin, out } = stage;
  await stage.startFrontgate();
  await stage.startIssuer();
  const tab = await stage.openBrowser();
  await tab.goto(`${origin}/`);
  await stage.logIn(tab, 'ann');
  await until('the Control UI to connect', () => stage.hellos > 0);
  await until('its service worker', () => tab.evaluate(() => !!navigator.serviceWorker.controller));
  stage.step('the Control UI is connected');

  // A socket that ends for another reason makes the Control UI load the icons that it shows without one. Then the browser has
  // them, and a login that ends later cannot be noticed by them.
  let seen = stage.hellos;
  must('one socket is ended', (await fetch(`${stage.admin}/connections?user=ann@example.com`, { method: 'DELETE' })).ok);
  await until('the Control UI after that', () => stage.hellos > seen);
  stage.step('an operator has ended its socket, and it is back', { closes: out.closes.slice() });
  must('no dialog', await tab.locator(SIGN_IN).count() === 0);
  await wait(3000);

  const requests = [];
  tab.on('request', request => requests.push(`${request.method()} ${request.url().replace(origin, '').split('?')[0]}`));
  const navigations = stage.urls.length, sockets = stage.sockets, closes = out.closes.length;
  const other = await stage.context.newPage();
  await stage.logOut(other);
  const close = await stage.closed(1008, closes);
  must(`the socket ends with 1008 session ended: ${JSON.stringify(close)}`, close.reason === 'session ended');
  await other.close();
  await tab.bringToFront();
  await tab.locator(SIGN_IN).waitFor({ timeout: 150000 });
  const after = Date.now() - stage.began - close.at;
  console.log(`figure: sign-in offered after ${(after / 1000).toFixed(1)} s`);
  stage.step('it offers to sign in', { after, requests: requests.slice() });
  await wait(20000);
  out.meanwhile = { sockets: stage.sockets - sockets, navigations: stage.urls.slice(navigations), requests: requests.length };
  must('the page stays where it is', out.meanwhile.navigations.length === 0);
  must('it does not loop', out.meanwhile.sockets < 20 && requests.filter(request => request.startsWith('HEAD')).length < 20);

  seen = stage.hellos;
  const [login] = await Promise.all([stage.context.waitForEvent('page'), tab.locator(SIGN_IN).click()]);
  await stage.logIn(login, 'ann');
  await login.waitForURL(url => url.origin === origin && !url.pathname.startsWith('/.frontgate/'), { timeout: 60000 });
  stage.step('logged in in the tab that it opened', { url: login.url() });
  await login.close();
  await tab.bringToFront();
  // Without a window nothing has the focus, and nothing gets it back.
  await tab.evaluate(() => window.dispatchEvent(new Event('focus')));
  await until('the first tab to be connected again', () => stage.hellos > seen);
  await tab.locator(SIGN_IN).waitFor({ state: 'detached', timeout: 90000 });
  must('the page was not loaded anew', stage.urls.length === navigations);
  stage.step('the first tab is connected again, as it was left');
  out.ok = true;
});
