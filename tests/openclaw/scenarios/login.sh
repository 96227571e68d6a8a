# shellcheck shell=bash
# Logins at a real issuer, npm's oidc-provider, before a gateway in trusted-proxy mode. The issuer and frontgate are restarted
# under the browser, so login.mjs starts both.

try @ login-at-an-issuer login_at_an_issuer

login_at_an_issuer() {
    local folder="$W/login" port=8484
    local provider="${E2E_ISSUER:-${XDG_CACHE_HOME:-$HOME/.cache}/frontgate-oidc}"
    must "oidc-provider is not installed: npm i --prefix $provider oidc-provider" [ -d "$provider/node_modules/oidc-provider" ] || return 1
    mkdir -p "$folder"
    OPENCLAW_KIT_INSTALL="${INSTALL[new]}" "$OPENCLAW_KIT/start-gateway.sh" 18794 "$folder/gateway" \
        '{"gateway":{"trustedProxies":["127.0.0.1","::1"],"auth":{"mode":"trusted-proxy","trustedProxy":{"userHeader":"x-forwarded-user","allowLoopback":true,"deviceAutoApprove":{"enabled":true}}},"controlUi":{"allowedOrigins":["https://'"$NAME:$port"'"]}}}' \
        --background --timeout 240 || return 1
    OPENCLAW_KIT_INSTALL="${INSTALL[new]}" OIDC_PROVIDER="$provider" timeout 400 node "$HERE/login/login.mjs" \
        "$folder" "$NAME" "198.51.100.$NUMBER" "$port" http://127.0.0.1:18794
}
