# shellcheck shell=bash
# The gateway is restarted, as an operator does: each time the Control UI is told 1012 once, and its first try to come back waits
# until somebody listens. A gateway that listens and is not ready says so itself (1013), and the page asks again. Nobody
# sees a 502. A socket that fails to open is a gateway that took longer than `hold` (12 s) to listen, as it may on a busy machine;
# once is let pass. After the scenario that kills this gateway, which would be in its way.

gather
try bare gateway-restarted-5-times gateway_restarted

gateway_restarted() {
    local clients round
    hold_ui bare from=local --hold 130 -- 'hellos === 6' 'closes.filter(c => c.code === 1012).length === 5' \
        'closes.filter(c => !c.opened).length <= 1' 'closes.every(c => !c.opened || [1012, 1013, 4013].includes(c.code))' '!JSON.stringify([httpErrors, console]).includes("502")' || return 1
    for round in 1 2 3 4 5; do
        OPENCLAW_KIT_INSTALL="${INSTALL[bare]}" "$OPENCLAW_KIT/start-gateway.sh" --stop "$W/bare/gateway" || return 1
        OPENCLAW_KIT_INSTALL="${INSTALL[bare]}" "$OPENCLAW_KIT/start-gateway.sh" "${GATEWAY[bare]}" "$W/bare/gateway" '{}' --background >/dev/null || return 1
        # Its log begins anew with it.
        until_true 20 more_than 0 bare 'webchat connected' || { echo "restart $round: the page did not come back"; return 1; }
    done
    held
}
