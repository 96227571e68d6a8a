# shellcheck shell=bash
# The README's first command, as a newcomer runs it: open the printed URL, and watch the WebSocket open, echo and be pinged.

aside try @ demo-page-opens-echoes-and-is-pinged demo
aside try @ demo-page-buttons-do-what-they-say demo_buttons

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

# Presses every button and keeps what the page then shows beside it. A restart and a stop are waited for in hold, so the first attempt
# after the Close is let in.
demo_buttons() {
    local url json="$W/out/$SCENARIO.json" press
    frontgate_run demo-buttons demo --listen 127.0.0.1:8442
    until_true 10 logged demo-buttons 'https://localhost:8442' || { cat "$W/demo-buttons/frontgate.log"; return 1; }
    url=https://localhost:8442/
    press='(async () => {
        const seen = {}, rest = () => new Promise(done => setTimeout(done, 100));
        const until = async (holds) => { for (let i = 0; i < 400 && !holds(); i++) await rest(); return holds(); };
        for (const button of document.querySelectorAll("[data-mishap]")) {
            await until(() => button.getAttribute("aria-disabled") === "false");
            button.focus();
            button.click();
            await until(() => button.getAttribute("aria-disabled") === "true");
            await until(() => button.getAttribute("aria-disabled") === "false");
            seen[button.dataset.mishap] = button.closest("article").querySelector("ol").textContent;
        }
        return { seen, wide: document.documentElement.scrollWidth > innerWidth };
    })()'
    OPENCLAW_KIT_INSTALL="${INSTALL[new]}" node "$OPENCLAW_KIT/ui-check.mjs" "$url" - --ca "$(ca_of demo-buttons)" --timeout 3 --eval "$press" >"$json"
    node "$HERE/holds.mjs" "$json" '!eval.wide' \
        '/1012 "service restart".*back after [\d.]+ s, at attempt 1;/.test(eval.seen.restart)' \
        '/1012 "service restart".*back after [\d.]+ s, at attempt 1;/.test(eval.seen.stop)' \
        '/still open: the gateway got 180 pings/.test(eval.seen.hour)' \
        '/1012 "gateway connection lost".*back after/.test(eval.seen.drop)' \
        '/closed: 1006.*back after/.test(eval.seen.cut)'
}
