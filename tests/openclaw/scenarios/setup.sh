# shellcheck shell=bash
# `frontgate openclaw setup` and all that an OpenClaw gateway has besides its own listener, before the real gateway: what the command
# writes is what runs. Ports are those that people have: 443 outside, 18890 for portals.
#
#   site       gateway   apps    frontgate's admin
#   setup      18810     18811   9200
#   setup-old  18812     -       9201                 2026.7.35, which knows none of the newer settings

try setup setup-lets-the-control-ui-in setup_control_ui
try setup setup-public-origin-is-in-links setup_public_origin
try setup setup-mcp-apps-have-an-origin-of-their-own setup_apps
try setup setup-portal-with-live-reload setup_portal
try setup setup-share-links setup_share
try setup setup-node-joins-by-a-link setup_join
try setup setup-worker-socket setup_worker
try setup setup-remote-cli-pins-the-leaf setup_cli
try setup setup-doctor-finds-each-part-that-is-missing setup_doctor
try setup setup-base-path setup_base_path
try setup setup-gateway-tls setup_gateway_tls
try old setup-older-gateway-gets-what-it-knows setup_older

HTTPS[setup]=443 GATEWAY[setup]=18810 INSTALL[setup]="${INSTALL[new]}"
HTTPS[setup-old]=443 GATEWAY[setup-old]=18812 INSTALL[setup-old]="${INSTALL[old]}"
portals="preview.$NAME" apps="mcp-apps.$NAME" model=18813

# ------------------------------------------------------------------------------------------------ what the command makes

# The gateway is there first, and gets its settings from the command.
bring_up_setup() {
    mkdir -p "$W/setup"
    OPENCLAW_KIT_INSTALL="${INSTALL[setup]}" "$OPENCLAW_KIT/start-gateway.sh" "${GATEWAY[setup]}" "$W/setup/gateway" \
        "$(with_apps)" --background --timeout 240 || return 1
    openclaw_program setup
    set_up setup || return 1
    must 'the command said nothing of a restart' grep -q 'openclaw gateway restart' "$W/setup/setup.out" || return 1
    gateway_again setup && frontgate_up setup 9200 --config "$W/setup/frontgate.yaml" --admin 127.0.0.1:9200
}

# A gateway with MCP Apps, a server that has one, and a model that shows it.
with_apps() {
    cat <<JSON
{"mcp": {"apps": {"enabled": true}, "servers": {"show": {"command": "${INSTALL[setup]}/node_modules/node/bin/node", "args": ["$HERE/apps/server.mjs"]}}},
 "tools": {"toolSearch": false}, "agents": {"defaults": {"model": {"primary": "actor/actor"}}},
 "models": {"mode": "merge", "providers": {"actor": {"baseUrl": "http://127.0.0.1:$model/v1", "apiKey": "none", "api": "openai-completions", "models": [
   {"id": "actor", "name": "actor", "reasoning": false, "input": ["text"], "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}, "contextWindow": 120000, "maxTokens": 8192}]}}}}
JSON
}

# openclaw_program SITE    The gateway's own program, as a user of that site has it.
openclaw_program() {
    printf '#!/bin/sh\nexport PATH="%s:/usr/bin:/bin" HOME="%s" OPENCLAW_STATE_DIR="%s" NO_COLOR=1\nexec node "%s" "$@"\n' \
        "${INSTALL[$1]}/node_modules/node/bin" "$W/$1/gateway/home" "$W/$1/gateway" "${INSTALL[$1]}/node_modules/openclaw/openclaw.mjs" >"$W/$1/openclaw"
    chmod +x "$W/$1/openclaw"
}

# set_up SITE ARGS...    The command, as a user runs it; what it says is in SITE/setup.out.
set_up() {
    local site="$1"; shift
    (cd "$W/$site" && exec env -i PATH=/usr/bin:/bin HOME="$W/$site/home" "$FRONTGATE_BIN" openclaw setup --domain "$NAME" --certificate local \
        --portals-from 203.0.113.0/24 --gateway-config "$W/$site/gateway/openclaw.json" --openclaw "$W/$site/openclaw" --yes "$@") \
        >"$W/$site/setup.out" 2>&1 </dev/null || { cat "$W/$site/setup.out"; return 1; }
    must 'it prints the token' not grep -qF "$(token_of "$site")" "$W/$site/setup.out"
}

# gateway_again SITE [SCHEME]    Restarts the gateway on the config that it has. It outlives the scenario.
gateway_again() {
    local folder="$W/$1/gateway" port="${GATEWAY[$1]}" scheme="${2:-http}"
    OPENCLAW_KIT_INSTALL="${INSTALL[$1]}" "$OPENCLAW_KIT/start-gateway.sh" --stop "$folder" || return 1
    env -i PATH="${INSTALL[$1]}/node_modules/node/bin:/usr/bin:/bin" HOME="$folder/home" OPENCLAW_STATE_DIR="$folder" OPENCLAW_CONFIG_PATH="$folder/openclaw.json" \
        OPENCLAW_DISABLE_BONJOUR=1 OPENCLAW_NO_RESPAWN=1 NO_COLOR=1 setsid node "${INSTALL[$1]}/node_modules/openclaw/openclaw.mjs" \
        gateway run --port "$port" --bind loopback --ws-log full --verbose >>"$folder/gateway.log" 2>&1 </dev/null &
    echo "$!" >"$folder/gateway.pid"; disown
    until_true 120 curl -ksf -m 2 -o /dev/null "$scheme://127.0.0.1:$port/readyz" || { tail -n 25 "$folder/gateway.log"; return 1; }
}

# its_doctor CODE FOUND    doctor must find exactly that.
its_doctor() {
    local code="$1" found="$2"
    examine setup "$code" "$found" -c "$W/setup/frontgate.yaml" --admin 127.0.0.1:9200 --gateway-config "$W/setup/gateway/openclaw.json"
}
reload_setup() { (cd "$W/setup" && "$FRONTGATE_BIN" reload --admin 127.0.0.1:9200); }

# through CURL_ARGS...    As a client on another machine asks, by any of the names.
through() {
    local name resolve=(); for name in "$NAME" "$apps" "x.$portals"; do resolve+=(--resolve "$name:443:198.51.100.$NUMBER"); done
    curl -s -m 20 --cacert "$(ca_of setup)" "${resolve[@]}" "$@"
}

# known_names    The names in /etc/hosts, for programs that ask the system. This is a mount namespace of the run's own.
known_names() {
    { echo '127.0.0.1 localhost'; echo "198.51.100.$NUMBER $NAME"; } >"$W/hosts"
    mountpoint -q /etc/hosts || mount --bind "$W/hosts" /etc/hosts
}

# ---------------------------------------------------------------------------------------------------------- the scenarios

setup_control_ui() {
    client ui-check.mjs setup approve :: connected "${secure[@]}" 'httpStatus === 200' "$complete" || return 1
    its_doctor 0 '' || return 1
    for what in 'gateway.publicOrigin is what frontgate serves' 'leads to MCP Apps' 'leads to portals'; do
        must "doctor has not looked whether $what" looked_at "$what" || { cat "$W/out/$SCENARIO.json"; return 1; }
    done
    # A second time there is nothing to do, and nothing is done.
    set_up setup && must 'its own config has changed' grep -q 'frontgate.yaml: as it was' "$W/setup/setup.out" &&
        must "the gateway's has changed" grep -q 'has all of it already' "$W/setup/setup.out"
}
looked_at() { node -e 'const r = JSON.parse(require("fs").readFileSync(process.argv[1])); process.exit(r.checks.some(c => c.outcome === "ok" && c.what.includes(process.argv[2])) ? 0 : 1)' "$W/out/$SCENARIO.json" "$1"; }

setup_public_origin() {
    client ws-connect.mjs setup approve --origin auto :: connected "hello.controlUiUrl.replace(/\\/\$/, '') === 'https://$NAME'" || return 1
    through "https://$NAME/share/dashboard/main/x" >"$W/out/$SCENARIO.html"
    must 'the card has another address' grep -qF "https://$NAME/share/card.png" "$W/out/$SCENARIO.html" || { cat "$W/out/$SCENARIO.html"; return 1; }
}

# A model calls the tool of an MCP server, whose app the real Control UI then shows, from its own name.
setup_apps() {
    local folder="$W/out/$SCENARIO.browser"
    model_up || return 1
    OPENCLAW_KIT_INSTALL="${INSTALL[setup]}" OC="$OPENCLAW_KIT/oc.sh $W/setup/gateway" TOKEN="$(token_of setup)" APPS="$apps" CA="$(ca_of setup)" timeout 300 node \
        "$HERE/apps/shown.mjs" "$folder" "$NAME" "198.51.100.$NUMBER" 443 "http://127.0.0.1:${GATEWAY[setup]}" || { tail -n 5 "$W/out/$SCENARIO.model" | cut -c1-300; return 1; }
    # That name has nothing else, and the Control UI's has no apps.
    local status; for status in "404 https://$apps/" "404 https://$apps/chat" "404 https://$apps/healthz"; do
        must "${status#* } is not ${status%% *}" [ "$(through -o /dev/null -w '%{http_code}' "${status#* }")" = "${status%% *}" ] || return 1
    done
}

# An application that an agent could have started: its page, its assets and its live reload, and what it learns of the client.
setup_portal() {
    OPENCLAW_KIT_INSTALL="${INSTALL[setup]}" OC="$OPENCLAW_KIT/oc.sh $W/setup/gateway" PORTALS="$portals" CA="$(ca_of setup)" timeout 200 node "$HERE/portal.mjs" \
        "$W/out/$SCENARIO.browser" "$NAME" "198.51.100.$NUMBER" 443 "http://127.0.0.1:${GATEWAY[setup]}" || return 1
    # A name that is no portal's opens nothing of the gateway's.
    must 'another name is not unknown' [ "$(through "https://x.$portals/healthz")" = 'Unknown portal' ] || return 1
    # Clients elsewhere are kept out.
    local answer; answer="$(curl -ks -m 10 --resolve "x.$portals:443:127.0.0.1" -H 'Accept: application/json' "https://x.$portals/")"
    must "a client of another network is let in: $answer" grep -q client_not_allowed <<<"$answer"
}

setup_share() {
    local got; got="$(through -o "$W/out/$SCENARIO.png" -w '%{http_code} %{content_type}' "https://$NAME/share/card.png")"
    must "the card: $got" [ "$got" = '200 image/png' ] || return 1
    # A published transcript: only behind a proxy that is believed, that says https, and with gateway.publicOrigin.
    local oc=("$OPENCLAW_KIT/oc.sh" "$W/setup/gateway") session token
    model_up && "${oc[@]}" gateway call chat.send --params '{"sessionKey":"main","message":"to be published","idempotencyKey":"share"}' --json >/dev/null || return 1
    until_true 60 grep -q 'done' "$W/out/$SCENARIO.model" || { echo 'no answer was asked for'; return 1; }
    session="$("${oc[@]}" gateway call sessions.list --params '{}' --json | field 'sessions.find(s => s.key === "agent:main:main").sessionId')"
    token="$("${oc[@]}" gateway call session.publicShare.set --params "{\"sessionKey\":\"main\",\"expectedSessionId\":\"$session\",\"enabled\":true}" --json | field publicShare.token)"
    before_long shared "$token" || { echo "not shown: $(through "https://$NAME/share/session?token=$token" | head -c 300)"; return 1; }
    got="$(curl -s -m 10 -o /dev/null -w '%{http_code}' -H 'X-Forwarded-For: 203.0.113.1' -H 'X-Forwarded-Proto: http' -H "Host: $NAME" "http://127.0.0.1:${GATEWAY[setup]}/share/session?token=$token")"
    must "the gateway shows it without https: $got" [ "$got" = 404 ]
}
shared() { through "https://$NAME/share/session?token=$1" | grep -q 'to be published'; }
field() { node -p "JSON.parse(require('fs').readFileSync(0)).$1"; }
model_up() {
    node "$HERE/apps/model.mjs" "$model" >"$W/out/$SCENARIO.model" 2>&1 &
    until_true 10 grep -q listening "$W/out/$SCENARIO.model"
}

# A machine becomes a node by the link that the gateway's own program prints.
setup_join() {
    local url home="$W/setup-node" pid
    known_names && mkdir -p "$home"
    url="$("$OPENCLAW_KIT/oc.sh" "$W/setup/gateway" devices join-code --json | node -p 'JSON.parse(require("fs").readFileSync(0)).joinUrl')"
    must "the link leads elsewhere: $url" grep -q "^https://$NAME/j/" <<<"$url" || return 1
    as_user_at "$home" connect "$url" --display-name joined >"$home/node.log" 2>&1 & pid=$!
    until_true 90 node_is_there || { echo 'no node:'; tail -n 20 "$home/node.log"; tail -n 10 "$W/setup/frontgate.log" | cut -c1-300; return 1; }
    must 'it did not come through frontgate' logged setup "\"client\":\"$(client_address)" || { tail -n 5 "$W/setup/frontgate.log" | cut -c1-400; return 1; }
    kill "$pid"; wait "$pid" 2>/dev/null; return 0
}
node_is_there() { "$OPENCLAW_KIT/oc.sh" "$W/setup/gateway" nodes status --json 2>/dev/null | node -e 'const all = JSON.parse(require("fs").readFileSync(0)); process.exit((all.nodes ?? all).some(n => n.displayName === "joined" && n.connected) ? 0 : 1)'; }

# as_user_at HOME ARGS...    The gateway's program on another machine, which trusts frontgate's CA.
as_user_at() {
    local home="$1"; shift
    (exec env -i PATH="${INSTALL[setup]}/node_modules/node/bin:/usr/bin:/bin" HOME="$home" OPENCLAW_STATE_DIR="$home/state" NODE_EXTRA_CA_CERTS="$(ca_of setup)" NO_COLOR=1 \
        OPENCLAW_NO_RESPAWN=1 node "${INSTALL[setup]}/node_modules/openclaw/openclaw.mjs" "$@")
}

# The worker's own handler answers, with its own words, as it does directly.
setup_worker() {
    local direct by
    direct="$(node "$HERE/worker.mjs" "${INSTALL[setup]}" "ws://127.0.0.1:${GATEWAY[setup]}/__openclaw__/worker" 127.0.0.1)" || return 1
    by="$(node "$HERE/worker.mjs" "${INSTALL[setup]}" "wss://$NAME/__openclaw__/worker" "198.51.100.$NUMBER" "$(ca_of setup)")" || return 1
    must "directly '$direct', through frontgate '$by'" [ "$direct" = "$by" ] && must "it is not the worker's socket: $by" grep -q 'worker' <<<"$by"
}

# The CLI of another machine, by gateway.remote, pinned to the leaf that frontgate shows.
setup_cli() {
    local home="$W/setup-cli" pin request
    known_names && mkdir -p "$home/state"
    pin="$(openssl s_client -connect "198.51.100.$NUMBER:443" -servername "$NAME" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256 | cut -d= -f2)"
    printf '{"gateway":{"mode":"remote","remote":{"transport":"direct","url":"wss://%s","token":"%s","tlsFingerprint":"%s"}}}' "$NAME" "$(token_of setup)" "$pin" >"$home/state/openclaw.json"
    as_user_at "$home" gateway call health --json >"$home/first.log" 2>&1
    request="$("$OPENCLAW_KIT/oc.sh" "$W/setup/gateway" devices list --json | node -p 'JSON.parse(require("fs").readFileSync(0)).pending?.[0]?.requestId ?? ""')"
    [ -z "$request" ] || "$OPENCLAW_KIT/oc.sh" "$W/setup/gateway" devices approve "$request" >/dev/null || return 1
    as_user_at "$home" gateway call health --json >"$home/health.json" 2>"$home/health.err" || { cat "$home"/*.log "$home"/health.*; return 1; }
    must 'that is no health' grep -q '"ok": *true' "$home/health.json" || { cat "$home/health.json"; return 1; }
    # Another leaf is refused.
    sed -i "s/$pin/$(printf 'AB:%.0s' {1..31})AB/" "$home/state/openclaw.json"
    must 'another pin was accepted' not as_user_at "$home" gateway call health --json >/dev/null 2>&1
}

# Each part is taken out of what the command wrote, or named otherwise by the gateway, and doctor says which one it is.
setup_doctor() {
    local yaml="$W/setup/frontgate.yaml" gateway="$W/setup/gateway/openclaw.json" copy="$W/out/$SCENARIO.openclaw.json" row failed=0
    cp "$yaml" "$yaml.whole"
    for row in "/host: $apps,/d;sandbox_not_reached:broken" 's/upstream: http:..127.0.0.1:18890/upstream: http:\/\/127.0.0.1:18810/;portals_not_reached:broken' \
        's/127.0.0.1:18811/127.0.0.1:18899/;sandbox_not_reached:broken'; do
        sed "${row%;*}" "$yaml.whole" >"$yaml"
        must "nothing was taken out: ${row%;*}" not cmp -s "$yaml" "$yaml.whole" && reload_setup >/dev/null && setup_finds "$gateway" ${row##*;} || { echo "with ${row%;*}"; failed=1; break; }
    done
    cp "$yaml.whole" "$yaml" && reload_setup >/dev/null && [ "$failed" = 0 ] || return 1
    local its=(-c "$yaml" --gateway-config "$copy")
    for row in 'c.mcp.apps.sandboxOrigin = "https://apps.example.test";sandbox_certificate:broken' 'c.gateway.portals.ingress.domain = "portals.example.test";portals_certificate:broken' \
        'delete c.mcp.apps.sandboxOrigin;sandbox_origin_missing:advice' 'c.gateway.publicOrigin = "https://old.example.test";public_origin_differs:advice' \
        'c.plugins.entries["device-pair"].config.publicUrl = "https://old.example.test";join_links_lead_elsewhere:advice'; do
        cp "$gateway" "$copy" && change "${row%;*}" && setup_finds "$copy" "${row##*;}" || { echo "with ${row%;*}"; return 1; }
    done
    its_doctor 0 ''
}

# setup_finds GATEWAY_CONFIG FOUND...    doctor finds at least these.
setup_finds() {
    look setup -c "$W/setup/frontgate.yaml" --admin 127.0.0.1:9200 --gateway-config "$1" || return 1
    shift
    local each; for each in "$@"; do found | tr ' ' '\n' | grep -qx "$each" || { echo "not found: $each; but: $(found)"; return 1; }; done
}

# The command once more with a base path: pages move, and sockets of apps and nodes may come to / all the same.
setup_base_path() {
    set_up setup --base-path /openclaw && gateway_again setup && reload_setup >/dev/null || return 1
    cp "$W/setup/frontgate.yaml" "$W/setup/frontgate.yaml.whole"
    sed -i '/exact: /d' "$W/setup/frontgate.yaml" && reload_setup >/dev/null
    setup_finds "$W/setup/gateway/openclaw.json" base_path_no_redirect:advice || return 1
    cp "$W/setup/frontgate.yaml.whole" "$W/setup/frontgate.yaml" && reload_setup >/dev/null && its_doctor 0 '' || return 1
    client ui-check.mjs setup approve :: connected "url.startsWith('https://$NAME/')" "sockets.some(s => /\\/openclaw\\/?\$/.test(new URL(s.url ?? s).pathname))" || return 1
    client ws-connect.mjs setup approve path=/ :: connected && client ws-connect.mjs setup approve path=/openclaw :: connected || return 1
    must 'the pages are not below it' grep -q '^HTTP/.* 302' <(through -I "https://$NAME/") && must 'the card is not below it' [ "$(through -o /dev/null -w '%{http_code}' "https://$NAME/openclaw/share/card.png")" = 200 ]
}

# The gateway speaks TLS with a certificate of its own making: the command pins that, for the apps as well.
setup_gateway_tls() {
    local its=(-c "$W/setup/frontgate.yaml" --gateway-config "$W/setup/gateway/openclaw.json")
    change 'c.gateway.tls = { enabled: true }' || return 1
    gateway_again setup https && set_up setup && must 'nothing is pinned' grep -q 'pin:' "$W/setup/frontgate.yaml" && reload_setup >/dev/null || return 1
    client ui-check.mjs setup approve :: connected "${secure[@]}" || return 1
    must 'the apps are not there' grep -q 'MCP App sandbox' <(through "https://$apps/mcp-app-sandbox") || return 1
    must 'the portals are not there' [ "$(through "https://x.$portals/")" = 'Unknown portal' ] && its_doctor 0 ''
}

# A version that refuses a config with any of the newer settings gets the others, starts, and lets the Control UI in.
setup_older() {
    local site=setup-old status
    mkdir -p "$W/$site"
    OPENCLAW_KIT_INSTALL="${INSTALL[$site]}" "$OPENCLAW_KIT/start-gateway.sh" "${GATEWAY[$site]}" "$W/$site/gateway" '{}' --background --timeout 240 || return 1
    openclaw_program "$site"
    set_up "$site" --listen :8491 --public-port 8491 || return 1
    must 'it does not say what is missing' grep -q 'does not take: gateway.publicOrigin' "$W/$site/setup.out" || { cat "$W/$site/setup.out"; return 1; }
    gateway_again "$site" && frontgate_up "$site" 9201 --config "$W/$site/frontgate.yaml" --admin 127.0.0.1:9201 || return 1
    client ui-check.mjs "$site" port=8491 approve :: connected 'hello.version === "2026.7.35"'; status=$?
    OPENCLAW_KIT_INSTALL="${INSTALL[$site]}" "$OPENCLAW_KIT/start-gateway.sh" --stop "$W/$site/gateway"
    return "$status"
}
