# shellcheck shell=bash
# A load balancer in front that speaks the PROXY protocol: the client is the one that the header names.

try new proxy-protocol-names-the-client behind_a_load_balancer
try new proxy-protocol-browser browser_behind_a_load_balancer

behind_a_load_balancer() {
    balancer client 8454 8455 9185 || return 1
    client ws-connect.mjs new from=local host="$NAME" port=8454 --origin "https://$NAME:${HTTPS[new]}" --client openclaw-control-ui:webchat \
        --expect 'pairing required' :: '!connected' || return 1
    must 'the gateway did not see the address of the header' gateway_logged new 'forwardedFor=192\.0\.2\.45 '
}

browser_behind_a_load_balancer() {
    balancer browser 8464 8465 9186 || return 1
    client ui-check.mjs new from=local host="$NAME" port=8464 approve :: connected isSecureContext 'closes.length > 0'
}

# balancer NAME PORT HTTPS_PORT ADMIN_PORT
balancer() {
    { frontgate_config new "$3" "$4" | sed "s/listen: { /listen: { proxy_protocol_from: [127.0.0.0\/8], /"; } >"$W/balanced-$1.yaml"
    # The same state folder as `new`, so that the same CA is trusted.
    mkdir -p "$W/balanced-$1" && cp -r "$W/new/state" "$W/balanced-$1/"
    frontgate_up "balanced-$1" "$4" --config "$W/balanced-$1.yaml" || return 1
    python3 "$HERE/proxy_header.py" "$2" 192.0.2.45 "$3" & : >"$W/pids/$!"
    until_true 5 accepts "$2"
}

accepts() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
