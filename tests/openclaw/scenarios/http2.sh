# shellcheck shell=bash
# The Control UI in three tabs of one browser: their sockets run over one connection of HTTP/2, beside their requests.

try new ui-three-tabs-share-a-connection three_tabs

three_tabs() {
    local tabs
    client ui-check.mjs new approve --tabs 3 --hold 20 :: connected 'tabs === 3' 'hold.closesDuring === 0' 'httpStatus === 200' &
    tabs=$!
    until_true 90 three_sockets || { echo "not three sockets: $(sockets)"; wait "$tabs"; return 1; }
    [[ "$(sockets | sort -u)" =~ ^h2\ [0-9]+$ ]] || { echo "not one connection of h2: $(sockets)"; return 1; }
    # One that the browser opened ahead and does not need, it closes.
    until_true 15 one_connection || { echo "not one TCP connection:"; tcp_connections; return 1; }
    echo "figure: $(sockets | wc -l) sockets on $(tcp_connections | wc -l) TCP connection"
    wait "$tabs"
}

# Protocol and connection of each socket of this scenario's client.
sockets() {
    curl -fs -m 2 "http://127.0.0.1:${ADMIN[new]}/connections" | node -e '
        const all = JSON.parse(require("fs").readFileSync(0)).websockets.filter(socket => socket.client === process.argv[1]);
        for (const socket of all) console.log(socket.protocol, socket.connection);' "$(client_address)"
}
three_sockets() { [ "$(sockets | wc -l)" = 3 ]; }
tcp_connections() { ss -Htn state established "sport = :${HTTPS[new]}" | grep -F "$(client_address)"; }
one_connection() { [ "$(tcp_connections | wc -l)" = 1 ]; }
