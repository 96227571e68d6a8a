# shellcheck shell=bash
# The Control UI in a browser on another machine.

secure=(isSecureContext subtle locks)
installed='serviceWorker === "activated"'
# An icon that the gateway would have to fetch from outside is the one thing that may be missing.
complete='httpErrors.concat(failedRequests).every(e => e.includes("/__openclaw__/catalog-icon/https%3A%2F%2F"))'
# The only closes on the way to a connection are the gateway's requests to pair.
paired='closes.length > 0 && closes.every(c => c.code === 1008 && c.reason.startsWith("pairing required"))'

ui new ui-connects-once-approved approve --screenshot "${W:-}/out/ui.png" :: \
    connected "${secure[@]}" "$installed" "$paired" 'httpStatus === 200' 'hello.version === "2026.9.6"' "$complete"
ui old ui-connects-once-approved-2026.7 approve :: \
    connected "${secure[@]}" "$installed" "$paired" 'httpStatus === 200' 'hello.version === "2026.7.35"'
ui new ui-token-in-query-survives approve --token-in query :: \
    connected 'hello.method === "token"' 'url.includes("?token=")'
ui old ui-token-in-query-survives-2026.7 approve --token-in query :: \
    connected 'url.includes("?token=")'

# What the gateway refuses is shown in the gateway's words.
ui new ui-pairing-is-needed --expect 'pairing required' :: \
    '!connected' 'closes[0].code === 1008' 'closes[0].wasClean' 'connectErrors[0].code === "PAIRING_REQUIRED"'
ui old ui-pairing-is-needed-2026.7 --expect 'pairing required' :: \
    '!connected' 'closes[0].code === 1008' 'connectErrors[0].code === "PAIRING_REQUIRED"'
ui new ui-wrong-token token=wrong --expect AUTH_TOKEN_MISMATCH :: \
    '!connected' 'closes[0].code === 1008' 'closes[0].reason.startsWith("unauthorized: gateway token mismatch")'
ui old ui-wrong-token-2026.7 token=wrong --expect unauthorized :: \
    '!connected' 'closes[0].code === 1008'
ui new ui-unlisted-origin host=unlisted.example.test --expect 'origin not allowed' :: \
    '!connected' 'closes[0].code === 1008' 'closes[0].reason.includes("gateway.controlUi.allowedOrigins")'
ui old ui-unlisted-origin-2026.7 host=unlisted.example.test --expect 'origin not allowed' :: \
    '!connected' 'closes[0].code === 1008'

# Without the CA a browser shows its warning, and with it there is none: nothing here ignores certificate errors.
try new ui-untrusted-ca-is-refused untrusted_ca
untrusted_ca() {
    OPENCLAW_KIT_INSTALL="${INSTALL[new]}" node "$OPENCLAW_KIT/ui-check.mjs" "https://$NAME:${HTTPS[new]}/" "$(token_of new)" \
        --host-map "$NAME=198.51.100.$NUMBER" --strict-tls --expect ERR_CERT_AUTHORITY_INVALID
}
