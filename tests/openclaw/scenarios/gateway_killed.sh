# shellcheck shell=bash
# The gateway dies without a word: the browser is told 1012 at once, and is back by itself when the gateway is.

aside try bare gateway-killed-1012-and-back gateway_killed

gateway_killed() {
    local clients; hold bare from=local --hold 60 -- "close.reason === 'gateway connection lost'" && hold_ui bare from=local --hold 75 -- 'hellos >= 2' || return 1
    kill -KILL -- "-$(cat "$W/bare/gateway/gateway.pid")"
    until_true 10 logged bare gateway_lost || { echo "frontgate's log does not say gateway_lost"; return 1; }
    failure_page || return 1
    OPENCLAW_KIT_INSTALL="${INSTALL[bare]}" "$OPENCLAW_KIT/start-gateway.sh" "${GATEWAY[bare]}" "$W/bare/gateway" '{}' --background || return 1
    held
}

# While no gateway answers, a browser gets a page and a program gets JSON; both say 503, once the wait is over.
failure_page() {
    local at=(-s --cacert "$(ca_of bare)" "https://localhost:${HTTPS[bare]}/chat?token=$(token_of bare)") page="$W/out/503"
    must 'no 503 for a browser' [ "$(curl "${at[@]}" -H 'Accept: text/html' -o "$page.html" -w '%{http_code} %{content_type}')" = '503 text/html; charset=utf-8' ] &&
        must 'no 503 for a program' [ "$(curl "${at[@]}" -H 'Accept: application/json' -o "$page.json" -w '%{http_code} %{content_type}')" = '503 application/json' ] &&
        must 'the JSON is none' node -e 'JSON.parse(require("fs").readFileSync(process.argv[1]))' "$page.json" &&
        must 'the page shows the token' not grep -qF "$(token_of bare)" "$page.html" "$page.json"
}
