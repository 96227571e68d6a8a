# shellcheck shell=bash
# How a WebSocket ends when one side of it goes away: the browser is told, with 1012, and never left with a 1006.

told='closes.some(c => c.opened && c.code === 1012)'
# A socket that never opened is the UI knocking while nobody is there; the browser calls that 1006 whatever we do.
never_cut='!closes.some(c => c.opened && c.code === 1006)'

aside try bare gateway-killed-1012-and-back gateway_killed
try new frontgate-stopped-1012 frontgate_stopped
try old gateway-restart-close-passes-2026.7 gateway_stopped

gateway_killed() {
    local clients; hold bare from=local --hold 60 -- "close.reason === 'gateway connection lost'" && hold_ui bare from=local --hold 75 -- 'hellos >= 2' || return 1
    kill -KILL -- "-$(cat "$W/bare/gateway/gateway.pid")"
    until_true 10 logged bare gateway_lost || { echo "frontgate's log does not say gateway_lost"; return 1; }
    failure_page || return 1
    OPENCLAW_KIT_INSTALL="${INSTALL[bare]}" "$OPENCLAW_KIT/start-gateway.sh" "${GATEWAY[bare]}" "$W/bare/gateway" '{}' --background || return 1
    held
}

# While no gateway answers, a browser gets a page and a program gets JSON; both say 502.
failure_page() {
    local at=(-s --cacert "$(ca_of bare)" "https://localhost:${HTTPS[bare]}/chat?token=$(token_of bare)") page="$W/out/502"
    must 'no 502 for a browser' [ "$(curl "${at[@]}" -H 'Accept: text/html' -o "$page.html" -w '%{http_code} %{content_type}')" = '502 text/html; charset=utf-8' ] &&
        must 'no 502 for a program' [ "$(curl "${at[@]}" -H 'Accept: application/json' -o "$page.json" -w '%{http_code} %{content_type}')" = '502 application/json' ] &&
        must 'the JSON is none' node -e 'JSON.parse(require("fs").readFileSync(process.argv[1]))' "$page.json" &&
        must 'the page shows the token' not grep -qF "$(token_of bare)" "$page.html" "$page.json"
}

frontgate_stopped() {
    local pid status clients
    { frontgate_config new 8474 9187; echo 'timeouts: { drain: 3s }'; } >"$W/stopping.yaml"
    mkdir -p "$W/stopping" && cp -r "$W/new/state" "$W/stopping/"
    frontgate_up stopping 9187 --config "$W/stopping.yaml" || return 1
    hold new approve port=8474 --hold 60 -- "close.reason === 'service restart'" && hold_ui new approve port=8474 --hold 8 -- || return 1
    pid="$(cat "$W/stopping/frontgate.pid")"
    kill -TERM "$pid"; wait "$pid"; status=$?
    must "frontgate exited with $status" [ "$status" = 0 ] && held || return 1
    must "frontgate's log does not say draining" logged stopping draining &&
        must 'the gateway was not told 1001 "proxy restart"' until_true 5 gateway_logged new 'code=1001 reason=proxy restart'
}

# The gateway's own 1012 is the one that arrives.
gateway_stopped() {
    local clients; collect_asides
    hold old approve --hold 60 -- "close.reason === 'service restart'" || return 1
    OPENCLAW_KIT_INSTALL="${INSTALL[old]}" "$OPENCLAW_KIT/start-gateway.sh" --stop "$W/old/gateway"
    held && must "frontgate's log does not say gateway_closed" until_true 5 logged old gateway_closed
}

# hold SITE [WORD | OPTION]... -- CHECK...    A gateway client that stays until it is told 1012. Returns once it is connected.
hold() { holding ws-connect.mjs 'version=kit-1' "$@"; }
# The same with the Control UI.
hold_ui() { holding ui-check.mjs 'webchat connected' "$@"; }

holding() {
    local tool="$1" sign="$2" site="$3" before words=(); shift 3
    while [ "$1" != -- ]; do words+=("$1"); shift; done; shift
    before="$(gateway_count "$site" "$sign")"
    if [ "$tool" = ui-check.mjs ]; then set -- "$told" "$never_cut" "$@"; words+=(rc=any --timeout 60); else set -- 'close.code === 1012' "$@"; words+=(--expect 1012); fi
    SCENARIO="$SCENARIO.${tool%.mjs}" client "$tool" "$site" "${words[@]}" :: "$@" &
    clients="${clients:-} $!"
    until_true 60 more_than "$before" "$site" "$sign" || { echo "$tool did not connect"; wait "$!"; return 1; }
    # The tool itself must have seen that it is connected: the page is looked at every 200 ms, and once more after 1.5 s.
    [ "$tool" = ws-connect.mjs ] || sleep 3
}

# Waits for all who hold; each must have been told as it expects.
held() { local client failed=0; for client in $clients; do wait "$client" || failed=1; done; return $failed; }
more_than() { [ "$(gateway_count "$2" "$3")" -gt "$1" ]; }
