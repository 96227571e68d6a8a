# shellcheck shell=bash
# The README's first command, as a newcomer runs it: open the printed URL, and watch the WebSocket open, echo and be pinged.

aside try @ demo-page-opens-echoes-and-is-pinged demo

demo() {
    local url pid status json="$W/out/$SCENARIO.json"
    frontgate_run demo demo --listen 127.0.0.1:8441; pid=$!
    until_true 10 logged demo 'https://localhost:8441' || { cat "$W/demo/frontgate.log"; return 1; }
    url="$(grep -oE 'https://localhost:8441[^ "]*' "$W/demo/frontgate.log" | head -1)"
    # The page is no Control UI, so the tool's own verdict does not count.
    OPENCLAW_KIT_INSTALL="${INSTALL[new]}" node "$OPENCLAW_KIT/ui-check.mjs" "$url" - --ca "$(ca_of demo)" --timeout 10 --hold 5 \
        --eval '(() => { const text = id => document.getElementById(id).textContent; return { state: text("state"), echo: text("echo"), pings: Number(text("pings")) }; })()' >"$json"
    node "$HERE/holds.mjs" "$json" 'httpStatus === 200' isSecureContext 'eval.state === "connected"' 'eval.echo.includes(" ms")' 'eval.pings >= 1' 'closes.length === 0' || return 1
    kill -TERM "$pid"; wait "$pid"; status=$?
    must "it exited with $status" [ "$status" = 0 ]
}
