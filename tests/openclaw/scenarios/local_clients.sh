# shellcheck shell=bash
# A gateway that knows of no proxy, and frontgate without a config file: a browser on this very machine is let through as the
# direct client it is. With anything that looks like a proxy in its request, or under another name, it is not.

attribution='upgrade.status === 403'
words='upgrade.body.includes("proxy_attribution_required")'

ui bare local-browser-connects from=local :: connected isSecureContext 'serviceWorker === "activated"' 'closes.length === 0' 'hello.scopes.includes("operator.admin")'
ws bare local-client-by-name from=local :: connected 'attempts === 1'
ws bare local-client-by-ipv4 from=local host=127.0.0.1 :: connected 'attempts === 1'
ws bare local-client-by-ipv6 from=local host='[::1]' :: connected 'attempts === 1'

while IFS='|' read -r name header; do
    ws bare "local-with-$name-is-remote" from=local --origin auto --header "$header" --expect 403 :: "$attribution" "$words"
done <<'HEADERS'
x-forwarded-for|X-Forwarded-For: 10.1.1.1
x-forwarded-for-loopback|X-Forwarded-For: 127.0.0.1
x-forwarded-proto|X-Forwarded-Proto: https
x-forwarded-anything|X-Forwarded-Whatever: 1
x-real-ip|X-Real-IP: 10.1.1.1
forwarded|Forwarded: for=10.1.1.1
via|Via: 1.1 somewhere
cf-connecting-ip|CF-Connecting-IP: 10.1.1.1
HEADERS
ws bare local-under-another-name-is-remote from=local host=gw.localhost.example --insecure --expect 403 :: "$attribution" "$words"
ws bare remote-that-asks-for-localhost-is-remote host=localhost --expect 403 :: "$attribution" "$words"
ws bare remote-that-claims-a-loopback-address-is-remote host=localhost --header 'X-Forwarded-For: 127.0.0.1' --expect 403 :: "$attribution" "$words"
try bare hint-names-the-two-lines hint

# Rule 6 of the forwarding rules: the 403 passes unchanged, and the log says what to write into the gateway's config. Many
# refusals in a minute are one line; one that came without a page, as the doctor's does, leaves the page's line to be said.
hint() {
    local before _
    refused_page && must 'no hint that names the origin' until_true 5 hinted || return 1
    before="$(hints)"
    for _ in 1 2 3; do refused_page || return 1; done
    grep 'gateway\.trustedProxies' "$W/bare/frontgate.log"
    must 'the hint is repeated' [ "$(hints)" -le $((before + 1)) ]
}

refused_page() { client ws-connect.mjs bare from=local --origin auto --header 'X-Forwarded-For: 10.1.1.1' --expect 403 :: "$attribution"; }
hints() { grep -cE "gateway\.trustedProxies.*allowedOrigins.*https://localhost:${HTTPS[bare]}" "$W/bare/frontgate.log"; }
hinted() { [ "$(hints)" -gt 0 ]; }
