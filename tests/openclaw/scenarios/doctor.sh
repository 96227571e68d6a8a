# shellcheck shell=bash
# `frontgate doctor` before the real gateway: nothing is found where all is well; each fault is made alone, found by its name,
# mended as the finding says, and then a client connects. One gateway of its own goes through all faults of its config.
#
#   site     gateway   https   frontgate's admin
#   doctor   18795     8485    9195                the gateway's config is the scenario's to break

doctor_port=18795 doctor_https=8485 doctor_admin=9195

try new doctor-finds-nothing-where-all-is-well doctor_well new
try old doctor-finds-nothing-before-an-older-gateway doctor_well old
try bare doctor-only-advises-what-a-local-browser-does-not-need doctor_local
try new doctor-sees-a-gateway-start doctor_start
try new doctor-fixes-proxy-and-origin behind_frontgate doctor_proxy_and_origin
try new doctor-fixes-a-forgotten-port behind_frontgate doctor_forgotten_port
try new doctor-finds-too-wide-trust behind_frontgate doctor_too_wide
try new doctor-fixes-trusted-proxy-on-loopback behind_frontgate doctor_trusted_proxy
try new doctor-closes-a-door-that-strangers-could-open behind_frontgate doctor_strangers
try new doctor-leaves-a-control-ui-off behind_frontgate doctor_ui_off
try new doctor-names-an-entry-that-nearly-matches behind_frontgate doctor_nearly
try new doctor-knows-what-flags-say doctor_flags
try new doctor-pins-a-gateway-that-signed-itself doctor_pin
try new doctor-finds-a-late-gateway behind_frontgate doctor_late
try new doctor-finds-a-late-way-through-frontgate doctor_late_through
try new doctor-finds-that-local-clients-are-refused doctor_local_clients
try new doctor-finds-clocks-that-differ behind_frontgate doctor_skewed
try new doctor-finds-the-gateways-port behind_frontgate doctor_other_port
try new doctor-finds-tls-where-http-should-be behind_frontgate doctor_tls
try new doctor-finds-a-gateway-that-hangs behind_frontgate doctor_hangs
try new doctor-finds-a-gateway-that-is-down behind_frontgate doctor_down

# ------------------------------------------------------------------------------------------------- what all is well with

# Set up as the README says. The second name of the certificate is one that the gateway does not allow, for other scenarios.
doctor_well() {
    local its=(-c "$W/$1/frontgate.yaml" --origin "https://$NAME:${HTTPS[$1]}")
    examine "$1" 0 '' "${its[@]}" --gateway-config "$W/$1/gateway/openclaw.json" && examine "$1" 0 '' "${its[@]}"
}

# A gateway that trusts no proxy, and a frontgate without a config.
doctor_local() { examine bare 0 'proxy_not_trusted:advice'; }

# ----------------------------------------------------------------------------------------- a gateway that knows of no proxy

# The seconds in which a gateway answers and is not ready.
doctor_start() {
    mkdir -p "$W/doctor"
    "$OPENCLAW_KIT/start-gateway.sh" "$doctor_port" "$W/doctor/gateway" '{}' --background --timeout 240 >"$W/doctor/gateway.out" 2>&1 &
    local starting=$! seen=
    doctor_config "$doctor_port" >"$W/doctor/frontgate.yaml"
    while kill -0 "$starting" 2>/dev/null; do
        look doctor -c "$W/doctor/frontgate.yaml"
        has_finding gateway_starting && seen=1
    done
    wait "$starting" || { cat "$W/doctor/gateway.out"; return 1; }
    must 'no look while the gateway started found gateway_starting' [ -n "$seen" ] || return 1
    look doctor -c "$W/doctor/frontgate.yaml"
    must 'it is still said to start' not has_finding gateway_starting
}

# Both lines are added to a file with comments, and nothing else changes.
doctor_proxy_and_origin() {
    local file="$W/doctor/gateway/openclaw.json"
    json5_of "$file" >"$W/doctor/json5" && cp "$W/doctor/json5" "$file" || return 1
    examine doctor 1 'origin_not_allowed:broken proxy_not_trusted:broken' -c "$W/doctor/frontgate.yaml" --gateway-config "$file" || return 1
    # Without the file it says the same, and what to write.
    examine doctor 1 'origin_not_allowed:broken proxy_not_trusted:broken' -c "$W/doctor/frontgate.yaml" || return 1
    must 'it does not name the line' grep -qF '{\"gateway\": {\"trustedProxies\": [\"127.0.0.1\"]}}' "$W/out/$SCENARIO.json" || return 1
    client ws-connect.mjs doctor --expect 403 :: 'upgrade.status === 403' || return 1

    must '--fix without an answer must change nothing' not doctor_run doctor -c "$W/doctor/frontgate.yaml" --gateway-config "$file" --fix >/dev/null 2>&1 || return 1
    must '--fix without an answer changed the file' cmp "$W/doctor/json5" "$file" || return 1
    examine doctor 0 '' -c "$W/doctor/frontgate.yaml" --gateway-config "$file" --fix --yes || return 1
    must 'a comment is gone' grep -qF '// the comment of a person' "$file" &&
        must 'the copy is not what there was' cmp "$W/doctor/json5" "$(echo "$file".before-frontgate-*)" &&
        must 'the mode is another' [ "$(stat -c %a "$file")" = 600 ] &&
        must 'something else changed' [ "$(diff "$W/doctor/json5" "$file" | grep -c '^<')" -le 1 ] || { diff "$W/doctor/json5" "$file"; return 1; }
    rm -f "$file".before-frontgate-*
    client ws-connect.mjs doctor --origin auto approve :: connected || return 1
    client ui-check.mjs doctor approve :: connected isSecureContext
}

# The origin without its port is another one. In a container doctor takes it for a mapped port unless it is told what people open.
doctor_forgotten_port() {
    local its=("${its[@]}" --origin "https://$NAME:$doctor_https/")
    change 'c.gateway.controlUi.allowedOrigins = ["https://gw.example.test"]' || return 1
    fix_it origin_not_allowed:broken || return 1
    client ws-connect.mjs doctor --origin auto --client openclaw-control-ui:webchat approve :: connected
}

# The gateway takes every client for a proxy, so it has no clients. Only its operator knows what to trust: nothing is
# fixed.
doctor_too_wide() {
    change 'c.gateway.trustedProxies = ["0.0.0.0/0"]' || return 1
    comes_to_find 'trusted_proxies_too_wide:broken' || return 1
    examine doctor 1 'trusted_proxies_too_wide:broken' "${its[@]}" --fix --yes || return 1
    change 'c.gateway.trustedProxies = ["10.0.0.0/8", "127.0.0.1"]' || return 1
    comes_to_find 'trusted_proxies_too_wide:advice' || return 1
    change 'c.gateway.trustedProxies = ["127.0.0.1"]' || return 1
    comes_to_find '' || return 1
    client ws-connect.mjs doctor --origin auto approve :: connected
}

# A proxy that says which user it is, on the gateway's own machine: it is believed once frontgate sets the field itself,
# and not before. A user that is believed comes as far as pairing, which the gateway's CLI cannot approve without a
# token.
doctor_trusted_proxy() {
    local yaml="$W/doctor/frontgate.yaml" ann=(--header "Authorization: Basic $(printf 'ann:pass' | base64)" --origin auto token=- --expect 1008) status=1
    change 'c.gateway.auth = { mode: "trusted-proxy", trustedProxy: { userHeader: "x-auth-user" } }' || return 1
    cp "$yaml" "$yaml.before"
    comes_to_find 'trusted_proxy_loopback:broken trusted_proxy_no_user:broken' &&
        doctor_login x-auth-user >>"$yaml" && (cd "$W/doctor" && "$FRONTGATE_BIN" reload -c "$yaml") &&
        before_long client ws-connect.mjs doctor "${ann[@]}" :: 'close.reason.startsWith("unauthorized")' &&
        fix_it trusted_proxy_loopback:broken &&
        before_long client ws-connect.mjs doctor "${ann[@]}" :: 'close.reason.startsWith("pairing required")' && status=0
    doctor_token_again "$yaml" && return $status
}

# The field is not frontgate's own, and the gateway believes it: a stranger that sends it is that user.
doctor_strangers() {
    local yaml="$W/doctor/frontgate.yaml" status=1
    change 'c.gateway.auth = { mode: "trusted-proxy", trustedProxy: { userHeader: "x-auth-user", allowLoopback: true } }' || return 1
    cp "$yaml" "$yaml.before"; cp "${its[3]}" "$W/doctor/its.before"
    before_long stranger_is_owner 200 && comes_to_find trusted_proxy_open:broken &&
        examine doctor 1 trusted_proxy_no_user:broken "${its[@]}" --fix --yes &&
        must 'the line is not in its config' grep -qF 'forwarded: { strip: [x-auth-user] }' "$yaml" &&
        must 'the config of the gateway was changed' cmp "$W/doctor/its.before" "${its[3]}" &&
        must 'a stranger still is the owner' before_long stranger_is_owner 401 && status=0
    rm -f "$yaml".before-frontgate-*
    doctor_token_again "$yaml" && return $status
}
# Whether a stranger's call of a tool is answered with this status, though no login has let it in.
stranger_is_owner() {
    local got
    got="$(curl -ks -m 10 -o /dev/null -w '%{http_code}' --resolve "$NAME:$doctor_https:198.51.100.$NUMBER" -H 'X-Auth-User: owner@example.com' \
        -H 'Content-Type: application/json' -d '{"tool":"sessions_list","action":"json","args":{}}' "https://$NAME:$doctor_https/tools/invoke")"
    [ "$got" = "$1" ]
}
# Sets the token up again for the scenarios that follow.
doctor_token_again() {
    cp "$1.before" "$1" && (cd "$W/doctor" && "$FRONTGATE_BIN" reload -c "$1") || return 1
    change "c.gateway.auth = { mode: 'token', token: '$(token_of doctor)' }" && before_long client ws-connect.mjs doctor --origin auto approve :: connected
}
doctor_login() { printf 'auth: { basic: { ann: "%s" }, user_header: %s }\n' '$2b$04$abcdefghijklmnopqrstuufznL8bkzdtHwLhca4To/v9Lo9bA7fR6' "$1"; }

# The operator has switched it off, and `--fix` leaves that alone.
doctor_ui_off() {
    change 'c.gateway.controlUi.enabled = false' && until_true 30 not has_ui || return 1
    comes_to_find control_ui_off:broken && examine doctor 1 control_ui_off:broken "${its[@]}" --fix --yes || return 1
    change 'c.gateway.controlUi.enabled = true'
    until_true 30 has_ui || return 1
    client ui-check.mjs doctor approve :: connected
}
has_ui() { curl -fs -m 5 -o /dev/null "http://127.0.0.1:$doctor_port/"; }

# Entries that were meant for the page and are not it to the gateway.
doctor_nearly() {
    local entry its=("${its[@]}" --origin "https://$NAME:$doctor_https")
    for entry in "https://$NAME:$doctor_https/" "http://$NAME:$doctor_https" "https://$NAME:8443"; do
        change "c.gateway.controlUi.allowedOrigins = ['$entry']" && comes_to_find origin_not_allowed:broken || return 1
        must "it does not name $entry" grep -qF "The gateway's list has \`$entry\`" "$W/out/$SCENARIO.json" || return 1
    done
    fix_it origin_not_allowed:broken || return 1
    client ws-connect.mjs doctor --origin auto --client openclaw-control-ui:webchat approve :: connected
}

# A name that only the command line says: what runs is asked.
doctor_flags() {
    mkdir -p "$W/doctor-flags"
    frontgate_up doctor-flags 9198 --name gw.lan --listen '[::]:8488' --admin 127.0.0.1:9198 --upstream "http://127.0.0.1:$doctor_port" || return 1
    examine doctor 1 origin_not_allowed:broken --admin 127.0.0.1:9198 --gateway-config "${its[3]}" || return 1
    must 'it does not name the origin' grep -qF 'https://gw.lan:8488' "$W/out/$SCENARIO.json"
}

# The gateway's own TLS: its certificate says CA:TRUE. What doctor says to write makes it the upstream.
doctor_pin() {
    local yaml="$W/doctor-tls/frontgate.yaml" port=18801 tls="$W/doctor-tls/gateway"
    mkdir -p "$tls/home" && node -e '
        const fs = require("fs"), [from, to, port] = process.argv.slice(1), c = new Function("return (" + fs.readFileSync(from, "utf8") + ")")();
        c.gateway.port = Number(port); c.gateway.tls = { enabled: true }; fs.writeFileSync(to, JSON.stringify(c), { mode: 0o600 });' "${its[3]}" "$tls/openclaw.json" "$port" || return 1
    cp "$W/doctor/gateway/token" "$tls/token"
    env -i PATH="$PATH" HOME="$tls/home" OPENCLAW_STATE_DIR="$tls" OPENCLAW_CONFIG_PATH="$tls/openclaw.json" OPENCLAW_DISABLE_BONJOUR=1 OPENCLAW_NO_RESPAWN=1 \
        setsid node "${INSTALL[new]}/node_modules/openclaw/openclaw.mjs" gateway run --port "$port" --bind loopback >"$tls/gateway.log" 2>&1 &
    echo "$!" >"$tls/gateway.pid"
    until_true 120 curl -ksf -o /dev/null "https://127.0.0.1:$port/readyz" || { tail "$tls/gateway.log"; return 1; }
    doctor_config "$port" 8489 9199 | sed 's|http://127.0.0.1|https://127.0.0.1|' >"$yaml"
    examine doctor 1 'frontgate_not_running:broken gateway_untrusted:broken' -c "$yaml" --gateway-config "$tls/openclaw.json" || return 1
    node -e '
        const fs = require("fs"), [report, yaml] = process.argv.slice(1);
        const fix = JSON.parse(fs.readFileSync(report)).findings.find(f => f.id === "gateway_untrusted").fix;
        const lines = fix.filter(line => /^  (upstreams|routes):/.test(line)).map(line => line.trim());
        fs.writeFileSync(yaml, fs.readFileSync(yaml, "utf8").replace(/^upstream:.*\n/m, lines.join("\n") + "\n"));' "$W/out/$SCENARIO.json" "$yaml" || return 1
    frontgate_up doctor-tls 9199 --config "$yaml" || return 1
    examine doctor 0 '' -c "$yaml" --gateway-config "$tls/openclaw.json" --origin "https://$NAME:$doctor_https" || return 1
    client ws-connect.mjs doctor port=8489 --insecure --expect 1008 token=- :: opened
}

# ------------------------------------------------------------------------------------------------------ the way to it

doctor_late() {
    relay 18796 "$doctor_port" late || return 1
    doctor_config 18796 >"$W/out/$SCENARIO.yaml"
    examine doctor 1 'gateway_slow:broken other_config:advice' -c "$W/out/$SCENARIO.yaml" || return 1
    examine doctor 0 '' "${its[@]}"
}

# frontgate's way is slow, the gateway is not: the config that doctor is shown leads there directly.
doctor_late_through() {
    relay 18797 "$doctor_port" late || return 1
    doctor_config 18797 8486 9196 >"$W/doctor/through.yaml"
    mkdir -p "$W/doctor-through"
    frontgate_up doctor-through 9196 --config "$W/doctor/through.yaml" || return 1
    doctor_config "$doctor_port" 8486 9196 >"$W/doctor/through.yaml.direct"
    look doctor -c "$W/doctor/through.yaml.direct" --origin "https://$NAME:$doctor_https"
    must 'frontgate_slow was not found' has_finding frontgate_slow || { cat "$W/out/$SCENARIO.json"; return 1; }
    must 'the gateway was taken for slow' not has_finding gateway_slow || return 1
    # Told the right way, it is well.
    cp "$W/doctor/through.yaml.direct" "$W/doctor/through.yaml"
    until_true 10 through_is_well || { cat "$W/out/$SCENARIO.json"; return 1; }
}
through_is_well() { look doctor -c "$W/doctor/through.yaml" --origin "https://$NAME:$doctor_https" && not has_finding frontgate_slow; }

# A frontgate that only this machine reaches, and that tells the gateway so.
doctor_local_clients() {
    local yaml="$W/doctor/local.yaml" local_client=(client ws-connect.mjs doctor from=local port=8487 --insecure)
    doctor_config "$doctor_port" 8487 9197 | sed 's/\[::\]/127.0.0.1/' >"$yaml.mended"
    { cat "$yaml.mended"; echo 'forwarded: { local_clients: forwarded }'; } >"$yaml"
    frontgate_up doctor-local 9197 --config "$yaml" || return 1
    "${local_client[@]}" --expect 403 :: 'upgrade.body.includes("proxy_attribution_required")' || return 1
    examine doctor 1 'local_clients_refused:broken' -c "$yaml" --origin "https://$NAME:$doctor_https" || return 1
    cp "$yaml.mended" "$yaml"
    (cd "$W/doctor" && "$FRONTGATE_BIN" reload --admin 127.0.0.1:9197) || return 1
    examine doctor 0 '' -c "$yaml" --origin "https://$NAME:$doctor_https" || return 1
    "${local_client[@]}" approve :: connected
}

doctor_skewed() {
    relay 18798 "$doctor_port" skewed || return 1
    doctor_config 18798 >"$W/out/$SCENARIO.yaml"
    examine doctor 0 'clock_skew:advice other_config:advice' -c "$W/out/$SCENARIO.yaml"
}

# No program listens at the port that frontgate has; the gateway's own config says which one it is.
doctor_other_port() {
    doctor_config 18799 >"$W/out/$SCENARIO.yaml"
    examine doctor 1 'gateway_refused:broken other_config:advice' -c "$W/out/$SCENARIO.yaml" --gateway-config "${its[3]}" || return 1
    must 'it does not name the port' grep -qF "upstream: http://127.0.0.1:$doctor_port" "$W/out/$SCENARIO.json"
}

# https before a gateway that speaks http, http before a server that speaks TLS, and a certificate that no client
# trusts.
doctor_tls() {
    local yaml="$W/out/$SCENARIO.yaml" port=18800 over="$W/out/$SCENARIO"
    doctor_config "$doctor_port" | sed 's|http://127.0.0.1|https://127.0.0.1|' >"$yaml"
    examine doctor 1 'gateway_speaks_plain:broken other_config:advice' -c "$yaml" || return 1
    must 'it does not name the scheme' grep -qF "upstream: http://127.0.0.1:$doctor_port" "$over.json" || return 1
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=gateway -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=CA:FALSE \
        -keyout "$over.key" -out "$over.pem" 2>/dev/null || return 1
    openssl s_server -accept "127.0.0.1:$port" -key "$over.key" -cert "$over.pem" -www -quiet >/dev/null 2>&1 &
    until_true 10 curl -ks -o /dev/null "https://127.0.0.1:$port/" || return 1
    doctor_config "$port" >"$yaml"
    examine doctor 1 'gateway_speaks_tls:broken other_config:advice' -c "$yaml" || return 1
    must 'it does not name the scheme' grep -qF "https://127.0.0.1:$port" "$over.json" || return 1
    must 'it does not offer the pin' grep -qF 'pin:' "$over.json" || return 1
    doctor_config "$port" | sed 's|http://127.0.0.1|https://127.0.0.1|' >"$yaml"
    examine doctor 1 'gateway_untrusted:broken other_config:advice' -c "$yaml" || return 1
    # In the way that the fix names, the certificate is accepted; that it is no gateway's is another matter.
    SSL_CERT_FILE="$over.pem" examine doctor 1 'not_a_gateway:broken other_config:advice' -c "$yaml"
}

doctor_hangs() {
    local gateway; gateway="$(cat "$W/doctor/gateway/gateway.pid")"
    kill -STOP -- "-$gateway"
    examine doctor 1 'gateway_not_http:broken' "${its[@]}"; local status=$?
    kill -CONT -- "-$gateway"
    [ "$status" = 0 ] && before_long doctor_is_well
}

# The last one: the gateway is down from here on.
doctor_down() {
    kill -KILL -- "-$(cat "$W/doctor/gateway/gateway.pid")"
    until_true 10 not listens "$doctor_port" || return 1
    examine doctor 1 'gateway_refused:broken' "${its[@]}"
}

# ----------------------------------------------------------------------------------------------------- words of these

# Runs a scenario with the frontgate of this site before its gateway.
behind_frontgate() { frontgate_up doctor "$doctor_admin" --config "$W/doctor/frontgate.yaml" && "$@"; }

HTTPS[doctor]="$doctor_https" GATEWAY[doctor]="$doctor_port" INSTALL[doctor]="${INSTALL[new]}"
its=(-c "${W:-}/doctor/frontgate.yaml" --gateway-config "${W:-}/doctor/gateway/openclaw.json")

# doctor_config UPSTREAM_PORT [HTTPS_PORT ADMIN_PORT]
doctor_config() {
    printf 'listen: { https: ["[::]:%s"] }\ntls: { names: [%s] }\nupstream: http://127.0.0.1:%s\nadmin: 127.0.0.1:%s\n' \
        "${2:-$doctor_https}" "$NAME" "$1" "${3:-$doctor_admin}"
}

# doctor_run SITE ARGS...    In the folder and with the home of that site's frontgate.
doctor_run() {
    local folder="$W/$1"; shift
    (cd "$folder" && exec env -i PATH=/usr/bin:/bin HOME="$folder/home" XDG_STATE_HOME="$folder/state" ${SSL_CERT_FILE:+SSL_CERT_FILE="$SSL_CERT_FILE"} "$FRONTGATE_BIN" doctor "$@")
}

# look SITE ARGS...    What doctor says, in out/SCENARIO.json; its exit code in $status.
look() {
    local site="$1"; shift
    doctor_run "$site" --json "$@" >"$W/out/$SCENARIO.json" 2>"$W/out/$SCENARIO.err" </dev/null; status=$?
    must 'it prints the token' not grep -qF "$(token_of "$site")" "$W/out/$SCENARIO.json" "$W/out/$SCENARIO.err"
}

# What was found, as `id:severity`, in the alphabet's order.
found() { node -e 'const r = JSON.parse(require("fs").readFileSync(process.argv[1])); console.log(r.findings.map(f => `${f.id}:${f.severity}`).sort().join(" "))' "$W/out/$SCENARIO.json"; }
has_finding() { found | grep -qE "(^| )$1:"; }

# examine SITE EXIT_CODE FOUND ARGS...    Doctor must find exactly that.
examine() {
    local site="$1" code="$2" expected="$3" got; shift 3
    look "$site" "$@" || return 1
    got="$(found)"
    [ "$got" = "$expected" ] && [ "$status" = "$code" ] && return 0
    echo "doctor $*: exit code $status (expected $code), found: '$got' (expected '$expected')"
    cat "$W/out/$SCENARIO.json" "$W/out/$SCENARIO.err"
    return 1
}

# Tries again for 20 seconds: the gateway takes a changed config over in its own time, and may restart for it.
before_long() { local until=$((SECONDS + 20)); while ! "$@"; do [ "$SECONDS" -lt "$until" ] || return 1; sleep 0.2; done; }
comes_to_find() { before_long finds "$1" || { echo "doctor did not come to find '$1':"; cat "$W/out/$SCENARIO.json" "$W/out/$SCENARIO.err"; return 1; }; }
finds() { look doctor "${its[@]}" && [ "$(found)" = "$1" ]; }

# Found, fixed, and nothing is found any more.
fix_it() {
    comes_to_find "$1" && examine doctor 0 '' "${its[@]}" --fix --yes
    local status=$?; rm -f "${its[3]}".before-frontgate-*; return $status
}

# The gateway's config as a person would write it: no quotes, comments, trailing commas.
json5_of() { node -e '
    const text = JSON.stringify(JSON.parse(require("fs").readFileSync(process.argv[1])), null, 2);
    console.log("// the comment of a person\n" + text.replace(/"(\w+)":/g, "$1:").replace(/([\]}"\w])\n/g, "$1,\n").replace(/,\s*$/, ""));' "$1"; }

# change STATEMENT    Changes the gateway's config `c`, written as plain JSON.
change() { node -e '
    const fs = require("fs"), [file, statement] = process.argv.slice(1);
    const c = new Function("return (" + fs.readFileSync(file, "utf8") + ")")();
    new Function("c", statement)(c);
    fs.writeFileSync(file + ".new", JSON.stringify(c, null, 2), { mode: 0o600 }); fs.renameSync(file + ".new", file);' "${its[3]}" "$1"; }

listens() { ss -Hltn "sport = :$1" | grep -q .; }
doctor_is_well() { look doctor "${its[@]}" && [ "$status" = 0 ]; }

relay() {
    node "$HERE/relay.mjs" "$@" >"$W/out/$SCENARIO.relay" 2>&1 &
    until_true 10 grep -q listening "$W/out/$SCENARIO.relay" || { cat "$W/out/$SCENARIO.relay"; return 1; }
}
