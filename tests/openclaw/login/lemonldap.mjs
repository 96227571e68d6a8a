// lemonldap.mjs FOLDER HOST ADDRESS PORT GATEWAY    logs in at Debian's LemonLDAP::NG, works, and logs out -> one JSON object (see
// stage.mjs). HOST is a name below the domain that LemonLDAP's cookie is for. Its portal is a route of frontgate's, and its handler
// for Traefik is the login service; both run by Perl's own server, with configuration and sessions in FOLDER.
import fs from 'node:fs'; import path from 'node:path';
import { must, play, until } from './stage.mjs';

const shared = '/usr/share/lemonldap-ng';

await play(async stage => {
  const { folder, host, origin, out, port } = stage;
  const domain = host.split('.').slice(1).join('.'), portalHost = `auth.${domain}`, portal = `https://${portalHost}:${port}/`;
  const files = { handler: 9501, portal: 9502 };
  configure(folder, host, domain, portal, port);
  const env = { ...process.env, LLNG_DEFAULTCONFFILE: `${folder}/lemonldap.ini`, LLNG_DEFAULTLOGGER: 'Lemonldap::NG::Common::Logger::Std', SOURCE_SERVER: 'traefik' };
  const serve = (name, app) => stage.start(name, 'plackup', ['-s', 'HTTP::Server::PSGI', '--host', '127.0.0.1', '-p', String(files[name]), '-a', app], env);
  serve('handler', `${shared}/llng-server/llng-server.psgi`);
  serve('portal', `${folder}/portal.psgi`);
  for (const name of Object.keys(files))
    await until(`LemonLDAP's ${name}`, () => fetch(`http://127.0.0.1:${files[name]}/`, { redirect: 'manual' }).then(answer => answer.status < 500, () => false));
  await stage.startFrontgate({
    names: [portalHost],
    auth: `
auth:
  forward: { url: "http://127.0.0.1:${files.handler}/", answer_headers: [Auth-Mail, Auth-User] }
  user_header: X-Forwarded-User
  recheck: 2s
`,
    routes: `
routes:
  - { host: ${portalHost}, path: /, upstream: "http://127.0.0.1:${files.portal}", auth: none }
  - { path: / }
`,
  });
  const tab = await stage.openBrowser([portalHost]);
  const user = { name: 'dwho', mail: 'dwho@badwolf.org' };

  const deep = `${origin}/chat?x=%2F`;
  await tab.goto(deep);
  must(`the portal: ${tab.url()}`, tab.url().startsWith(`${portal}?url=`));
  stage.step("LemonLDAP's portal", { url: tab.url() });
  await tab.fill('input[name=user]', user.name);
  await tab.fill('input[name=password]', user.name);
  await tab.click('button[type=submit]');
  await until('the way back', () => stage.urls.some(url => url === deep));
  await until('the Control UI to connect', () => stage.hellos > 0);
  const live = (await (await fetch(`${stage.admin}/connections`, { headers: { accept: 'application/json' } })).json()).websockets ?? [];
  must(`the user of the socket: ${JSON.stringify(live.map(one => one.user))}`, live.some(one => one.user === user.mail));
  stage.step('the Control UI is connected, as the gateway takes no one without a name', { user: live[0].user });

  // A script's request without a login, and one with it.
  const status = () => tab.evaluate(() => fetch('/control-ui-config.json', { cache: 'no-store', redirect: 'manual' }).then(answer => `${answer.type} ${answer.status}`));
  must('a script is let in', (await status()).endsWith(' 200'));

  // LemonLDAP restarts: no socket ends.
  await stage.stop('handler');
  const closes = out.closes.length;
  await new Promise(done => setTimeout(done, 5000));
  must('no socket ends while the service is gone', out.closes.length === closes);
  must('nothing new is let in', (await status()).endsWith(' 502'));
  serve('handler', `${shared}/llng-server/llng-server.psgi`);
  await until('the service again', async () => (await status()).endsWith(' 200'));
  stage.step('the service was gone for a while: 502 for what is new, and the socket stayed');

  const other = await stage.context.newPage(), asked = Date.now();
  await other.goto(`${portal}?logout=1`);
  const close = await stage.closed(1008, closes);
  must(`1008 session ended: ${JSON.stringify(close)}`, close.reason === 'session ended');
  console.log(`figure: ended ${((close.at - (asked - stage.began)) / 1000).toFixed(1)} s after the logout`);
  stage.step('logged out at the portal', { close });
  const after = await status();
  must(`a script gets the service's redirect, which it does not follow: ${after}`, after === 'opaqueredirect 0');
  await tab.goto(`${origin}/`);
  must(`the portal again: ${tab.url()}`, tab.url().startsWith(portal));
  out.ok = true;
});

// Debian's own configuration with other names and folders, and the demo users.
function configure(folder, host, domain, portal, port) {
  for (const name of ['conf', 'sessions/lock', 'persistent/lock', 'cache']) fs.mkdirSync(path.join(folder, 'lemonldap', name), { recursive: true });
  const at = `${folder}/lemonldap`, cache = name => ({ namespace: name, cache_root: `${at}/cache`, cache_depth: 3, default_expires_in: 600, directory_umask: '007' });
  const conf = JSON.parse(fs.readFileSync('/var/lib/lemonldap-ng/conf/lmConf-1.json', 'utf8'));
  Object.assign(conf, {
    portal, domain, https: 1, port: Number(port), securedCookie: 1, applicationList: {}, reloadUrls: {}, notification: 0, loginHistoryEnabled: 0,
    exportedHeaders: { [host]: { 'Auth-User': '$uid', 'Auth-Mail': '$mail' } }, locationRules: { [host]: { default: 'accept' } },
    globalStorageOptions: { ...conf.globalStorageOptions, Directory: `${at}/sessions`, LockDirectory: `${at}/sessions/lock` },
    persistentStorageOptions: { Directory: `${at}/persistent`, LockDirectory: `${at}/persistent/lock` },
    localSessionStorageOptions: { ...cache('sessions'), default_expires_in: 1 },
  });
  fs.writeFileSync(`${at}/conf/lmConf-1.json`, JSON.stringify(conf));
  const perl = options => `{ ${Object.entries(options).map(([name, value]) => `'${name}' => '${value}'`).join(', ')} }`;
  fs.writeFileSync(`${folder}/lemonldap.ini`, `[all]
logLevel = warn
[configuration]
type = File
dirName = ${at}/conf
localStorage = Cache::FileCache
localStorageOptions = ${perl(cache('configuration'))}
[portal]
staticPrefix = /static
templateDir = ${shared}/portal/templates
languages = en
[handler]
status = 0
handlerInternalCache = 1
`);
  fs.writeFileSync(`${folder}/portal.psgi`, `use Lemonldap::NG::Portal; use Plack::App::File;
my $portal = Lemonldap::NG::Portal->run({}); my $files = Plack::App::File->new(root => "${shared}/portal/htdocs");
sub { my $env = shift; $env->{PATH_INFO} =~ m{^/(static|javascript)/} ? $files->($env) : $portal->($env) };
`);
}
