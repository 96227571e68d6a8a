# shellcheck shell=bash
# Planned endings: the browser is told with 1012, and never left with a 1006.

gather
try new frontgate-stopped-1012 frontgate_stopped
try new gateway-hung-1012 gateway_hung
try old gateway-restart-close-passes-2026.7 gateway_stopped

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

# A gateway that hangs (SIGSTOP) takes connections and says nothing: the pings find it, and no client waits for a TCP
# timeout.
gateway_hung() {
    local gateway began found clients
    { frontgate_config new 8474 9188; echo 'websocket: { ping_interval: 1s, pong_timeout: 3s }'; } >"$W/hung.yaml"
    mkdir -p "$W/hung" && cp -r "$W/new/state" "$W/hung/"
    frontgate_up hung 9188 --config "$W/hung.yaml" || return 1
    hold new approve port=8474 --hold 60 -- "close.reason === 'gateway not responding'" || return 1
    gateway="$(cat "$W/new/gateway/gateway.pid")" began="$(date +%s%3N)"
    kill -STOP -- "-$gateway"
    until_true 15 logged hung gateway_silent; found=$?
    echo "figure: found in $(($(date +%s%3N) - began)) ms"
    kill -CONT -- "-$gateway"
    must "frontgate's log does not say gateway_silent" [ "$found" = 0 ] && held || return 1
    # The gateway runs again, and so does the way to it.
    client ws-connect.mjs new port=8474 approve :: connected || return 1
    kill -TERM "$(cat "$W/hung/frontgate.pid")"
}

# The gateway's own 1012 is the one that arrives.
gateway_stopped() {
    local clients; hold old approve --hold 60 -- "close.reason === 'service restart'" || return 1
    OPENCLAW_KIT_INSTALL="${INSTALL[old]}" "$OPENCLAW_KIT/start-gateway.sh" --stop "$W/old/gateway"
    held && must "frontgate's log does not say gateway_closed" until_true 5 logged old gateway_closed
}
