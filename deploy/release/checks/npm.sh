# shellcheck shell=bash
# shellcheck disable=SC2153,SC2164,SC2030,SC2031 # errexit is on where these run; the variables are those of ../test; each check has its own PATH
# The npm packages, from a registry that has these and nothing else. With this machine's Node, and with the newest one that the
# end-to-end tests have: the launcher starts the program in another way there.

check_npm() {
    local node
    check 'npm: a registry has the packages' serves_packages
    [ "$PASSED" = yes ] || return
    check 'npm: no package has a script, and only one has a program for this machine' packages_are_plain
    check 'npm: npm install -g brings the program that fits, npx runs it' installs_by_npm
    [ "$PASSED" = yes ] || { kill "$(cat "$W/registry.pid")"; return; }
    for node in "$(command -v node)" "$NODE"; do
        if [ ! -x "$node" ]; then not_run "npm: there is no $node; Node's newest version was not tried"; continue; fi
        check "npm: answers, exit codes and output are the program's, with Node $("$node" --version)" runs_by_npm "$node"
        check "npm: the demo answers, signals pass, with Node $("$node" --version)" demo_by_npm "$node"
    done
    check 'npm: without the package of the platform it says so' misses_its_package
    kill "$(cat "$W/registry.pid")"
}

serves_packages() {
    free_port >"$W/registry.port"
    python3 "$CHECKS/registry.py" "$(cat "$W/registry.port")" "$DIST" >"$W/registry.log" 2>&1 &
    echo $! >"$W/registry.pid"
    soon curl -fsS -o /dev/null "http://127.0.0.1:$(cat "$W/registry.port")/frontgate"
}

packages_are_plain() {
    local each
    for each in "$DIST"/*.tgz; do
        tar -xzOf "$each" package/package.json | python3 -c 'import json, sys; package = json.load(sys.stdin); assert "scripts" not in package, package'
    done
    tar -tzf "$DIST/frontgate-$VERSION.tgz" | sort | xargs | tee "$W/listed"
    want 'the files of frontgate' "$(cat "$W/listed")" 'package/LICENSE-APACHE package/LICENSE-MIT package/README.md package/frontgate.js package/package.json'
}

# npm_here COMMAND...    npm or npx with a home and a registry of its own.
npm_here() {
    mkdir -p "$W/npm-home"
    env -u npm_config_prefix HOME="$W/npm-home" npm_config_registry="http://127.0.0.1:$(cat "$W/registry.port")/" npm_config_cache="$W/npm-cache" \
        npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false "$@"
}

installs_by_npm() {
    npm_here npm install -g --prefix "$W/prefix" frontgate
    want 'its version' "$("$W/prefix/bin/frontgate" --version)" "frontgate $VERSION"
    # That of the other processor stays away.
    want 'the programs' "$(find "$W/prefix/lib/node_modules" -path "*/@frontgate/*" -prune -printf "%f ")" "linux-$(npm_processor) "
    mkdir -p "$W/npx"; cd "$W/npx"
    want 'by npx' "$(npm_here npx --yes frontgate --version)" "frontgate $VERSION"
    # In a project, and from a lock file.
    mkdir -p "$W/project"; cd "$W/project"
    npm_here npm init -y >/dev/null
    npm_here npm install frontgate
    npm_here npm ci
    want 'in a project' "$(npm_here npx frontgate --version)" "frontgate $VERSION"
}

npm_processor() { case "$(uname -m)" in x86_64) echo x64 ;; *) echo arm64 ;; esac }

program_of_npm() { find "$W/prefix/lib/node_modules" -path "*@frontgate/linux-*/bin/frontgate" -type f; }

runs_by_npm() {
    local program launched=("$1" "$W/prefix/bin/frontgate") each is expected
    program="$(program_of_npm)"
    export HOME="$W/npm-user"; mkdir -p "$HOME"; cd "$HOME"
    while read -r -a each; do
        expected=0 is=0
        "$program" "${each[@]}" >"$W/direct" 2>"$W/direct.err" </dev/null || expected=$?
        "${launched[@]}" "${each[@]}" >"$W/launched" 2>"$W/launched.err" </dev/null || is=$?
        want "exit code of: ${each[*]}" "$is" "$expected"
        # Times and ports may be others.
        diff <(sed 's/[0-9]\{1,\}/N/g' "$W/direct") <(sed 's/[0-9]\{1,\}/N/g' "$W/launched")
        diff <(sed 's/[0-9]\{1,\}/N/g' "$W/direct.err") <(sed 's/[0-9]\{1,\}/N/g' "$W/launched.err")
        echo "${each[*]}: exit code $is, $(wc -c <"$W/launched") and $(wc -c <"$W/launched.err") bytes"
    done <<'CASES'
--version
--help
cert show
trust --print
doctor
check --config /nowhere.yaml
--nonsense
CASES
    test -s "$W/direct.err"
    "${launched[@]}" trust --print | grep .
    # There is no gateway, and it says so.
    { "${launched[@]}" doctor || true; } | grep -i gateway
    # What comes in by a pipe.
    want 'from standard input' "$(echo correct-horse | "${launched[@]}" user add ann 2>&1 | head -c 3)" "$(echo correct-horse | "$program" user add ann 2>&1 | head -c 3)"
}

demo_by_npm() {
    local port child signal is
    export HOME="$W/npm-user"
    for signal in TERM INT HUP; do
        port="$(free_port)"
        "$1" "$W/prefix/bin/frontgate" demo --listen "127.0.0.1:$port" >"$W/demo.log" 2>&1 </dev/null & child=$!
        soon curl -fsk -o /dev/null "https://127.0.0.1:$port/"
        want 'its page' "$(curl -fsk "https://127.0.0.1:$port/")" '*<html*'
        # A shell that starts something behind its back lets it ignore INT.
        kill "-$signal" "$child"
        case $signal in HUP | INT) kill -TERM "$child" 2>/dev/null || true ;; esac
        is=0; wait "$child" || is=$?
        case $signal in TERM) want "exit code after $signal" "$is" 0 ;; esac
        # shellcheck disable=SC2317 # soon calls it
        gone() { ! curl -fsk -o /dev/null "https://127.0.0.1:$port/"; }
        soon gone
    done
    # What ends the program is seen.
    port="$(free_port)"
    "$1" "$W/prefix/bin/frontgate" demo --listen "127.0.0.1:$port" >"$W/demo.log" 2>&1 </dev/null & child=$!
    soon curl -fsk -o /dev/null "https://127.0.0.1:$port/"
    pkill -KILL -P "$child" || kill -KILL "$child"
    is=0; wait "$child" || is=$?
    want 'exit code of a killed one' "$is" 137
}

misses_its_package() {
    local said is=0
    mkdir -p "$W/without"; cd "$W/without"
    npm_here npm init -y >/dev/null
    npm_here npm install --omit=optional frontgate
    said="$(node_modules/.bin/frontgate --version 2>&1)" || is=$?
    echo "$said"
    want 'exit code' "$is" 1
    want 'what it says' "$said" "*@frontgate/linux-$(npm_processor) is missing*fix: *npm install*"
}
