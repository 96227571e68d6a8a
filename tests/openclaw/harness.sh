# shellcheck shell=bash
# The words that the scenario files are written in. Sourced by `run`.
#
# A *site* is a gateway with a frontgate before it. All sites run side by side:
#
#   site   gateway                                            https           frontgate
#   bare   2026.9.6, knows of no proxy                        localhost:8443  no config file, no flags
#   new    2026.9.6, trusts 127.0.0.1 and lists the origin    …:8444          certificate for gw.example.test
#   old    2026.7.35, the same                                …:8445          the same
#
# A *client* has an address of its own. The N-th scenario dials 198.51.100.N, which the namespace routes to itself with
# 203.0.113.N as the source: for frontgate it is a remote client, and a lockout of one never hits another. A client with
# `from=local` dials localhost as a browser on this machine does.
#
#   ui SITE NAME [WORD...] [options of ui-check.mjs...]   :: CHECK...     the Control UI in Chromium
#   ws SITE NAME [WORD...] [options of ws-connect.mjs...] :: CHECK...     a gateway client
#   try SITE NAME FUNCTION [ARGS...]                                      anything else; FUNCTION prints what is wrong
#   aside ui|ws|try ...                                                   the same, beside what follows
#   gather                                                                wait for those
#
# WORD is one of: from=local, host=NAME, port=PORT, path=PATH, token=TOKEN (`-` for none), approve (pairing requests are
# approved with the gateway's own CLI), rc=any (the tool's own verdict does not count, only the checks do).
# CHECK is a JavaScript expression over the tool's JSON; see holds.mjs. SITE `-` is none at all, `@` none but the kit's browser, `%` the
# same with LemonLDAP::NG.

declare -A HTTPS=([bare]=8443 [new]=8444 [old]=8445) ADMIN=([bare]=9180 [new]=9181 [old]=9182) GATEWAY=([bare]=18789 [new]=18790 [old]=18791)
declare -A INSTALL=([bare]="${E2E_INSTALL_NEW:-}" [new]="${E2E_INSTALL_NEW:-}" [old]="${E2E_INSTALL_OLD:-}")
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
NAME=gw.example.test
# How many client addresses there are; a scenario uses one.
CLIENTS=120

# ---------------------------------------------------------------------------------------------------- begin and end

begin() {
    LIST=0; [ "${1:-}" = --list ] && { LIST=1; shift; }
    WANTED=("$@") QUEUE=() ASIDES=() ASIDE=0 NUMBER=0
    [ "$LIST" = 1 ] && return
    exec </dev/null
    W="$(mktemp -d)" && mkdir "$W/out" "$W/verdicts"
    trap end EXIT; trap 'exit 130' INT TERM
    MISSING="$(what_is_missing)"
    [ -n "${E2E_INSIDE:-}" ] && open_namespace
    [ -x "${INSTALL[new]}/node_modules/node/bin/node" ] && export PATH="${INSTALL[new]}/node_modules/node/bin:$PATH"
    return 0
}

# One line per thing that is missing: `WHAT reason`.
what_is_missing() {
    [ -z "${E2E_NO_NETNS:-}" ] || echo "netns $E2E_NO_NETNS"
    [ -x "$OPENCLAW_KIT/ui-check.mjs" ] || echo "kit no OpenClaw kit at $OPENCLAW_KIT (set OPENCLAW_KIT)"
    [ -e "${INSTALL[new]}/node_modules/openclaw/package.json" ] || echo "kit OpenClaw 2026.9.6 is not installed (run the kit's setup.sh)"
    [ -e "${INSTALL[old]}/node_modules/openclaw/package.json" ] || echo "old OpenClaw 2026.7.35 is not installed (OPENCLAW_VERSION=2026.7.35 setup.sh ${INSTALL[old]})"
    [ -e /usr/share/lemonldap-ng/llng-server/llng-server.psgi ] && perl -MLemonldap::NG::Portal -MString::Random -MMIME::Entity -MImage::Magick -MGD::SecurityImage -e1 2>/dev/null ||
        echo "lemonldap LemonLDAP::NG is not installed (apt-get install --no-install-recommends liblemonldap-ng-portal-perl liblemonldap-ng-handler-perl lemonldap-ng-fastcgi-server libplack-perl libgd-securityimage-perl libimage-magick-perl libmime-tools-perl libemail-sender-perl libstring-random-perl)"
    local tool; for tool in chromium certutil openssl curl; do command -v "$tool" >/dev/null || echo "kit $tool is not installed (run the kit's setup.sh)"; done
}

open_namespace() {
    ip link set lo up
    local n
    for n in $(seq "$CLIENTS"); do
        printf 'addr add 198.51.100.%s/32 dev lo\naddr add 203.0.113.%s/32 dev lo\n' "$n" "$n"
        printf 'route replace local 198.51.100.%s dev lo table local src 203.0.113.%s\n' "$n" "$n"
    done | ip -batch -
}

finish() {
    [ "$LIST" = 1 ] && exit 0
    local each ok failed skipped
    for each in "${QUEUE[@]}"; do eval "$each"; done
    collect_asides
    ok="$(verdicts ok)" failed="$(verdicts FAIL)" skipped="$(verdicts SKIP)"
    [ "$((ok + failed + skipped))" -gt 0 ] || { echo "no scenario is called that; --list names them"; exit 2; }
    [ "$skipped" = 0 ] || printf '\n!!! %s SCENARIOS DID NOT RUN, which E2E_ALLOW="%s" permits:\n%s\n' "$skipped" "${E2E_ALLOW:-}" "$MISSING"
    [ "$skipped" = 0 ] && echo "$ok passed, $failed failed" || echo "$ok passed, $failed failed, $skipped NOT RUN"
    [ "$failed" = 0 ]; exit
}

end() {
    trap - EXIT
    # Bash prints a line for every job that is killed.
    exec 2>/dev/null
    local file
    # Only what this run started: the kit and `frontgate_up` write down the process groups and pids.
    for file in "$W"/*/gateway/gateway.pid; do [ -f "$file" ] && kill -KILL -- "-$(cat "$file")" 2>/dev/null; done
    for file in "$W"/pids/*; do [ -f "$file" ] && kill -KILL "$(basename "$file")" 2>/dev/null; done
    if [ -n "${E2E_KEEP:-}" ]; then echo "kept: $W"; else rm -rf "$W"; fi
}

# ------------------------------------------------------------------------------------------------------ the verdicts

ui() { client_scenario ui-check.mjs "$@"; }
ws() { client_scenario ws-connect.mjs "$@"; }
try() { local site="$1" name="$2"; shift 2; scenario "$site" "$name" "$@"; }
aside() { ASIDE=1; "$@"; ASIDE=0; }
gather() { QUEUE+=(collect_asides); }

client_scenario() { local tool="$1" site="$2" name="$3"; shift 3; scenario "$site" "$name" client "$tool" "$site" "$@"; }

# Scenarios are queued, so that a file can name them first and define what they run after that.
scenario() {
    local site="$1" name="$2"; shift 2
    wanted "$name" || return 0
    if [ "$LIST" = 1 ]; then echo "$name"; else QUEUE+=("$(printf '%q ' run_scenario "$ASIDE" "$site" "$name" "$@")"); fi
}

# Runs one scenario and prints its line. SITE is up when the command begins.
run_scenario() {
    local aside="$1" site="$2" name="$3" lacks; shift 3
    NUMBER=$((NUMBER + 1))
    lacks="$(lacking "$site")"
    if [ -n "$lacks" ]; then
        if permitted "$lacks"; then verdict SKIP "$name"; else verdict FAIL "$name"; fi
        echo "    CANNOT RUN: ${lacks#* }"
    elif [[ "$site" != [-@%] ]] && ! site_up "$site" >"$W/out/$name.log" 2>&1; then
        verdict FAIL "$name"; explain "$W/out/$name.log"
    elif [ "$aside" = 1 ]; then
        judge "$name" "$@" & ASIDES+=("$!")
    else
        judge "$name" "$@"
    fi
}

judge() {
    local out="$W/out/$1.log" began="$EPOCHREALTIME"
    SCENARIO="$1"; shift
    # One write each, so that scenarios that run aside do not mix their lines.
    if ("$@"; status=$?; end_jobs; exit "$status") >"$out" 2>&1; then
        verdict ok "$SCENARIO" "$began" "$(sed -n 's/^figure: /  /p' "$out")"
    else
        printf '%s\n' "$(verdict FAIL "$SCENARIO" "$began"; explain "$out")"
    fi
}

# Whatever a scenario started and did not end, it ends with it.
end_jobs() { local pid; for pid in $(jobs -p); do kill -KILL "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; done; }

verdict() {
    : >"$W/verdicts/$2 $1"
    printf '%-4s %s (%s)%s\n' "$1" "$2" "$(awk -v a="${3:-$EPOCHREALTIME}" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')" "${4:-}"
}

verdicts() { find "$W/verdicts" -type f -name "* $1" | wc -l; }
explain() { head -c 6000 "$1" | sed 's/^/    /'; }
collect_asides() { local pid; for pid in "${ASIDES[@]}"; do wait "$pid"; done; ASIDES=(); }

wanted() {
    [ "${#WANTED[@]}" = 0 ] && return 0
    local part; for part in "${WANTED[@]}"; do [[ "$1" == *"$part"* ]] && return 0; done
    return 1
}

# What SITE needs and this machine lacks, as `WHAT reason`; nothing when it has all.
lacking() {
    case "$1" in
        -) grep '^netns ' <<<"$MISSING" | head -1 ;;
        old) grep -v '^lemonldap ' <<<"$MISSING" | head -1 ;;
        %) grep -v '^old ' <<<"$MISSING" | head -1 ;;
        *) grep -Ev '^(old|lemonldap) ' <<<"$MISSING" | head -1 ;;
    esac
}
permitted() { [[ " ${E2E_ALLOW:-} " == *" ${1%% *} "* ]]; }

# --------------------------------------------------------------------------------------------------------- a client

# client TOOL SITE [WORD | OPTION]... :: CHECK...    The JSON goes to out/SCENARIO.json.
client() {
    local tool="$1" site="$2" from=remote host='' port="${HTTPS[$2]}" path=/ rc=0 token address status
    local options=() json="$W/out/$SCENARIO.json"
    token="$(token_of "$site")"; shift 2
    while [ $# -gt 0 ] && [ "$1" != :: ]; do
        case "$1" in
            from=* | host=* | port=* | path=* | token=* | rc=*) local "$1" ;;
            approve) options+=(--approve "$W/$site/gateway") ;;
            *) options+=("$1") ;;
        esac
        shift
    done
    shift
    case "$from" in
        remote) host="${host:-$NAME}" address="198.51.100.$NUMBER" ;;
        local) host="${host:-localhost}" address=127.0.0.1 ;;
    esac
    # Enough for a busy machine; a page that is there earlier is not waited for.
    [ "$tool" = ui-check.mjs ] && options=(--timeout 60 "${options[@]}")
    # Chromium knows where localhost is, and takes no other address for it.
    [ "$tool $host" = 'ui-check.mjs localhost' ] || options+=(--host-map "$host=$address")
    OPENCLAW_KIT_INSTALL="${INSTALL[$site]}" timeout 300 node "$OPENCLAW_KIT/$tool" "https://$host:$port$path" "$token" \
        --ca "$(ca_of "$site")" "${options[@]}" >"$json"
    status=$?
    if { [ "$rc" = any ] || [ "$status" = 0 ]; } && node "$HERE/holds.mjs" "$json" "$@"; then return 0; fi
    echo "$tool exited with $status: $(head -c 2000 "$json" | tr -s ' \n' ' ')"
    echo "the last lines of frontgate's log:"; tail -n 6 "$W/$site/frontgate.log" | cut -c1-300
    return 1
}

token_of() { cat "$W/$1/gateway/token"; }
client_address() { echo "203.0.113.$NUMBER"; }

# frontgate's CA certificate, which a user would have added to the browser by hand.
ca_of() {
    echo "$W/$1/state/frontgate/ca.pem"
}

# ----------------------------------------------------------------------------------------- clients that are told to go

# hold SITE [WORD | OPTION]... -- CHECK...    A gateway client that stays until it is told 1012. Returns once it is connected.
hold() { holding ws-connect.mjs 'version=kit-1' "$@"; }
# The same with the Control UI.
hold_ui() { holding ui-check.mjs 'webchat connected' "$@"; }

holding() {
    local tool="$1" sign="$2" site="$3" before words=(); shift 3
    while [ "$1" != -- ]; do words+=("$1"); shift; done; shift
    before="$(gateway_count "$site" "$sign")"
    case "$tool" in
        # A socket that never opened is the page trying while no frontgate listens; a browser calls that 1006 whatever
        # we do.
        ui-check.mjs) words+=(rc=any); set -- 'closes.some(c => c.opened && c.code === 1012)' '!closes.some(c => c.opened && c.code === 1006)' "$@" ;;
        ws-connect.mjs) words+=(--expect 1012); set -- 'close.code === 1012' "$@" ;;
    esac
    SCENARIO="$SCENARIO.${tool%.mjs}" client "$tool" "$site" "${words[@]}" :: "$@" &
    clients="${clients:-} $!"
    until_true 60 more_than "$before" "$site" "$sign" || { echo "$tool did not connect"; wait "$!"; return 1; }
    # The tool itself must have seen that it is connected: the page is looked at every 200 ms, and once more after 1.5 s.
    [ "$tool" = ws-connect.mjs ] || sleep 3
}

# Waits for all clients that hold; each must have been told as it expects.
held() { local client failed=0; for client in $clients; do wait "$client" || failed=1; done; return $failed; }
more_than() { [ "$(gateway_count "$2" "$3")" -gt "$1" ]; }

# ------------------------------------------------------------------------------------------------------------- sites

# Brings SITE up once: its gateway and its frontgate are ready.
site_up() {
    local site="$1"
    [ -e "$W/$site/up" ] && return 0
    [ -e "$W/$site/down" ] && { echo "$site did not come up, see above"; return 1; }
    # A theme may have a site of its own, and bring_up_SITE for it.
    if declare -F "bring_up_$site" >/dev/null; then
        if "bring_up_$site"; then : >"$W/$site/up"; else : >"$W/$site/down"; return 1; fi
        return 0
    fi
    start_gateways "$site"
    if gateway_ready "$site" && frontgate_before "$site"; then : >"$W/$site/up"; else : >"$W/$site/down"; return 1; fi
}

# All three at once when all scenarios run: a gateway takes 20 seconds to start, most of it waiting.
start_gateways() {
    local site sites=("$1")
    [ "${#WANTED[@]}" = 0 ] && sites=(bare new old)
    for site in "${sites[@]}"; do
        [ -z "$(lacking "$site")" ] && [ ! -d "$W/$site" ] || continue
        mkdir -p "$W/$site"
        OPENCLAW_KIT_INSTALL="${INSTALL[$site]}" "$OPENCLAW_KIT/start-gateway.sh" "${GATEWAY[$site]}" "$W/$site/gateway" \
            "$(gateway_config "$site")" --background --timeout 240 >"$W/$site/gateway.out" 2>&1 &
        STARTING[$site]=$!
    done
}
declare -A STARTING=()

gateway_ready() { wait "${STARTING[$1]}" || { cat "$W/$1/gateway.out"; return 1; }; }

# The two lines that the README asks for, and nothing at all for `bare`.
gateway_config() {
    [ "$1" = bare ] && { echo '{}'; return; }
    # Further ports are those of the frontgates that one scenario starts for itself.
    local port origins=()
    for port in "${HTTPS[$1]}" 8464 8474; do origins+=("\"https://$NAME:$port\""); done
    printf '{"gateway":{"trustedProxies":["127.0.0.1","::1"],"controlUi":{"allowedOrigins":[%s]}}}' "$(IFS=,; echo "${origins[*]}")"
}

frontgate_before() {
    if [ "$1" = bare ]; then frontgate_up bare "${ADMIN[bare]}"; else
        frontgate_config "$1" >"$W/$1/frontgate.yaml"
        frontgate_up "$1" "${ADMIN[$1]}" --config "$W/$1/frontgate.yaml"
    fi || return 1
    [ -s "$(ca_of "$1")" ] || { echo 'no CA certificate in the state folder:'; find "$W/$1/state"; return 1; }
}

# frontgate_config SITE [HTTPS_PORT ADMIN_PORT]
frontgate_config() {
    cat <<YAML
listen: { https: ["[::]:${2:-${HTTPS[$1]}}"] }
tls: { names: [$NAME, unlisted.example.test] }
upstream: http://127.0.0.1:${GATEWAY[$1]}
admin: 127.0.0.1:${3:-${ADMIN[$1]}}
log: { level: debug }
YAML
}

# frontgate_up FOLDER ADMIN_PORT ARGS...    Starts one and waits until it says that it is ready. Its pid is in FOLDER/frontgate.pid.
frontgate_up() {
    local folder="$W/$1" name="$1" admin="$2"; shift 2
    frontgate_run "$name" "$@"
    until_true 10 curl -fs -m 2 -o "$folder/readyz" "http://127.0.0.1:$admin/readyz" && return 0
    echo "frontgate $* did not become ready; its log:"; tail -n 20 "$folder/frontgate.log"
    return 1
}

# frontgate_run FOLDER ARGS...    Only starts one. Its home, state and log are in FOLDER.
frontgate_run() {
    local folder="$W/$1"; shift
    mkdir -p "$folder/home" "$W/pids"
    (cd "$folder" && exec env -i PATH=/usr/bin:/bin HOME="$folder/home" XDG_STATE_HOME="$folder/state" "$FRONTGATE_BIN" "$@") \
        >>"$folder/frontgate.log" 2>&1 </dev/null &
    echo $! >"$folder/frontgate.pid"; : >"$W/pids/$!"
}

# ----------------------------------------------------------------------------------------------------- small helpers

until_true() {
    local seconds="$1" _; shift
    for _ in $(seq $((seconds * 10))); do "$@" && return 0; sleep 0.1; done
    return 1
}

not() { ! "$@"; }

# must TEXT COMMAND...    TEXT is what is wrong when COMMAND fails.
must() { local text="$1"; shift; "$@" && return 0; echo "$text"; return 1; }

logged() { grep -qE "$2" "$W/$1/frontgate.log"; }
gateway_logged() { grep -qE "$2" "$W/$1/gateway/gateway.log"; }
gateway_count() { grep -cE "$2" "$W/$1/gateway/gateway.log"; }
