# shellcheck shell=bash
# The page that a browser gets while the gateway is down goes on by itself when it is back, with the fragment that has the token: a
# browser that only scrolls to a fragment stays on the page for ever. After the scenarios that restart this gateway.

gather
try bare waiting-page-goes-on waiting_page

waiting_page() {
    local client
    OPENCLAW_KIT_INSTALL="${INSTALL[bare]}" "$OPENCLAW_KIT/start-gateway.sh" --stop "$W/bare/gateway" || return 1
    client ui-check.mjs bare from=local --timeout 180 :: connected '[502, 503].includes(httpStatus)' 'hello.method === "token"' \
        'pageUrl.startsWith("https://localhost:")' 'console.every(c => !c.includes("Content Security Policy"))' &
    client=$!
    # The page asks a few times in vain.
    until_true 90 waiting_page_asked || { echo 'the page asks for nothing'; return 1; }
    OPENCLAW_KIT_INSTALL="${INSTALL[bare]}" "$OPENCLAW_KIT/start-gateway.sh" "${GATEWAY[bare]}" "$W/bare/gateway" '{}' --background >/dev/null || return 1
    wait "$client"
}

waiting_page_asked() { grep -E '"message":"request"' "$W/bare/frontgate.log" | grep -E '"method":"HEAD"' | grep -qE '"status":50[23]'; }
