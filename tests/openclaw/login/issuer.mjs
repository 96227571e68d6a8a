// issuer.mjs PORT ORIGIN    npm's oidc-provider as an issuer on 127.0.0.1, with frontgate at ORIGIN as its one client
// Any name logs in, with any password; its address is NAME@example.com. Each start has new keys and knows no login.
// With REFRESH=1 it gives refresh tokens. NODE_EXTRA_CA_CERTS is frontgate's CA, for the logouts that the issuer sends. OIDC_PROVIDER is where npm has put it.
import { createRequire } from 'node:module'; import { pathToFileURL } from 'node:url';
import { generateKeyPairSync, randomBytes } from 'node:crypto'; import path from 'node:path';

const [port, origin] = process.argv.slice(2), refresh = !!process.env.REFRESH;
const at = createRequire(path.join(process.env.OIDC_PROVIDER, 'package.json')).resolve('oidc-provider');
const { Provider } = await import(pathToFileURL(at));
const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const url = `http://127.0.0.1:${port}`;
const provider = new Provider(url, {
  clients: [{
    client_id: 'gw', client_secret: process.env.CLIENT_SECRET, grant_types: ['authorization_code', ...(refresh ? ['refresh_token'] : [])], response_types: ['code'],
    redirect_uris: [`${origin}/.frontgate/callback`], post_logout_redirect_uris: [`${origin}/.frontgate/logged-out`],
    // The name of ORIGIN is known to the browser alone.
    backchannel_logout_uri: `https://localhost:${new URL(origin).port}/.frontgate/backchannel-logout`, backchannel_logout_session_required: true,
  }],
  jwks: { keys: [{ ...key, kid: randomBytes(4).toString('hex'), use: 'sig', alg: 'RS256' }] },
  cookies: { keys: [randomBytes(16).toString('hex')] },
  features: { devInteractions: { enabled: true }, backchannelLogout: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  // Its own way of fetching refuses addresses of this machine.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  // Without a consent that was asked for (`prompt=consent`) too; each use replaces the token, and a second one ends all.
  issueRefreshToken: () => refresh, rotateRefreshToken: () => true, scopes: ['openid', 'email', 'offline_access'],
  pkce: { required: () => true },
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true }) }),
});
for (const event of ['server_error', 'grant.error', 'authorization.error', 'backchannel.error', 'backchannel.success', 'end_session.error'])
  provider.on(event, (...args) => console.log(event, ...args.map(arg => arg?.message ?? arg?.error_description ?? '').filter(Boolean)));
provider.on('refresh_token.saved', () => console.log('refresh_token given'));
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
