# shellcheck shell=bash
# Logins at a real issuer, npm's oidc-provider, before a gateway in trusted-proxy mode. The issuer and frontgate are restarted
# under the browser, so the scripts in login/ start both.

try @ login-at-an-issuer at_an_issuer login.mjs
try @ login-that-ends-under-the-control-ui at_an_issuer ended.mjs
try @ login-that-is-renewed at_an_issuer refresh.mjs
try @ login-exemptions trusting_a_header exempt.mjs
try % login-at-lemonldap trusting_a_header lemonldap.mjs

# at_an_issuer SCRIPT
at_an_issuer() {
    local provider="${E2E_ISSUER:-${XDG_CACHE_HOME:-$HOME/.cache}/frontgate-oidc}"
    must "oidc-provider is not installed: npm i --prefix $provider oidc-provider" [ -d "$provider/node_modules/oidc-provider" ] || return 1
    OIDC_PROVIDER="$provider" trusting_a_header "$@"
}

# trusting_a_header SCRIPT    behind a gateway that takes the user's name from frontgate
trusting_a_header() {
    local folder="$W/$SCENARIO" port=8484
    mkdir -p "$folder"
    OPENCLAW_KIT_INSTALL="${INSTALL[new]}" "$OPENCLAW_KIT/start-gateway.sh" 18794 "$folder/gateway" \
        '{"gateway":{"trustedProxies":["127.0.0.1","::1"],"auth":{"mode":"trusted-proxy","trustedProxy":{"userHeader":"x-forwarded-user","allowLoopback":true,"deviceAutoApprove":{"enabled":true}}},"controlUi":{"allowedOrigins":["https://'"$NAME:$port"'"]}}}' \
        --background --timeout 240 || return 1
    OPENCLAW_KIT_INSTALL="${INSTALL[new]}" timeout 400 node "$HERE/login/$1" \
        "$folder" "$NAME" "198.51.100.$NUMBER" "$port" http://127.0.0.1:18794
    local status=$?
    "$OPENCLAW_KIT/start-gateway.sh" --stop "$folder/gateway"
    return "$status"
}
