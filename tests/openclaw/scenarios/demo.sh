# shellcheck shell=bash
# The README's first command, as a newcomer runs it: open the printed URL, and watch the WebSocket open, echo and be pinged.

try @ demo-page-opens-echoes-and-is-pinged demo

demo() {
    local url status trust=() json="$W/out/$SCENARIO.json"
    # It listens where `bare` will, and is gone before that begins.
    frontgate_up demo "${ADMIN[bare]}" demo || return 1
    url="$(grep -oE 'https://localhost:[0-9]+[^ "]*' "$W/demo/frontgate.log" | head -1)"
    must 'it printed no URL' [ -n "$url" ] || return 1
    [ -s "$(ca_of demo)" ] && trust=(--ca "$(ca_of demo)")
    # The page is no Control UI, so the tool's own verdict does not count. It is looked at after more than one ping interval.
    OPENCLAW_KIT_INSTALL="${INSTALL[new]}" node "$OPENCLAW_KIT/ui-check.mjs" "$url" - "${trust[@]}" --timeout 5 --hold 21 \
        --eval '(() => { const text = id => document.getElementById(id).textContent; return { state: text("state"), echo: text("echo"), pings: Number(text("pings")) }; })()' >"$json"
    kill -TERM "$(cat "$W/demo/frontgate.pid")"; wait "$(cat "$W/demo/frontgate.pid")"
    status=$?; must "it exited with $status" [ "$status" = 0 ] || return 1
    node "$HERE/holds.mjs" "$json" 'httpStatus === 200' isSecureContext 'eval.state === "connected"' 'eval.echo.includes(" ms")' 'eval.pings >= 1' 'closes.length === 0'
}
