# shellcheck shell=bash
# The gateway is restarted, as an operator does: each time the Control UI is told 1012 once, and its first try to come
# back waits until the gateway is ready, which is later than it listens. No client sees a 502, a 1013 or a 1006. Only
# where the gateway takes longer than `hold` (12 s), as it may on a busy machine, a try is in vain. After the scenario
# that kills this gateway, which would be in its way.

gather
try bare gateway-restarted-5-times gateway_restarted

gateway_restarted() {
    local clients round began took slow=0 longest=0
    hold_ui bare from=local --hold 170 -- 'hellos === 6' 'closes.filter(c => c.code === 1012).length === 5' \
        'closes.every(c => !c.opened || c.code === 1012)' '!JSON.stringify([httpErrors, console]).includes("502")' || return 1
    for round in 1 2 3 4 5; do
        began="$(date +%s%3N)"
        OPENCLAW_KIT_INSTALL="${INSTALL[bare]}" "$OPENCLAW_KIT/start-gateway.sh" --stop "$W/bare/gateway" || return 1
        OPENCLAW_KIT_INSTALL="${INSTALL[bare]}" "$OPENCLAW_KIT/start-gateway.sh" "${GATEWAY[bare]}" "$W/bare/gateway" '{}' --background >/dev/null || return 1
        took=$(($(date +%s%3N) - began))
        # The page comes back after 0.8 s, and waits from then on, for 12 s at a time.
        slow=$((slow + (took > 800 ? (took - 800) / 12000 : 0)))
        [ "$took" -lt "$longest" ] || longest="$took"
        # Its log begins anew with it.
        until_true 20 more_than 0 bare 'webchat connected' || { echo "restart $round: the page did not come back"; return 1; }
    done
    echo "figure: 5 restarts of up to $longest ms, longer than hold $slow times"
    held && node "$HERE/holds.mjs" "$W/out/$SCENARIO.ui-check.json" "closes.filter(c => !c.opened).length <= $slow"
}
