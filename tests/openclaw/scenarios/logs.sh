# shellcheck shell=bash
# What frontgate wrote down meanwhile, at level debug but for `bare`. Runs last.

try new log-every-way-to-carry-a-token secrets
try new log-has-no-token no_token
try new log-has-a-line-per-websocket lines

# The token in every place where a client puts one.
secrets() {
    local token; token="$(token_of new)"
    client ws-connect.mjs new path="/?token=$token&access_token=$token" --expect 'pairing required' --header "Authorization: Bearer $token" \
        --header "Cookie: session=$token" --header "Referer: https://$NAME/?token=$token" --header "Sec-WebSocket-Protocol: openclaw, token.$token" :: '!connected' || true
    curl -s -o /dev/null --cacert "$(ca_of new)" --resolve "$NAME:${HTTPS[new]}:198.51.100.$NUMBER" -u "user:$token" -e "https://$NAME/?token=$token" \
        -H "Cookie: token=$token" "https://$NAME:${HTTPS[new]}/?a=1&token=$token&%74oken=$token"
}

# Nor the token as curl sent it with `-u`.
no_token() {
    local site token found=0
    for site in bare new old; do
        [ -s "$W/$site/gateway/token" ] || continue
        token="$(token_of "$site")"
        grep -nF -e "$token" -e "$(printf 'user:%s' "$token" | base64 -w 0)" "$W"/*/frontgate.log && found=1
    done
    must 'no frontgate wrote a log' [ -n "$(cat "$W"/*/frontgate.log)" ] && [ "$found" = 0 ]
}

# One that the client ended, and one that the gateway refused.
lines() {
    client ws-connect.mjs new approve :: connected || return 1
    must 'no line says client_closed' until_true 5 logged new client_closed &&
        must 'no line says gateway_closed' logged new gateway_closed
}
