# shellcheck shell=bash
# The steps of `.ci/run`. A step returns non-zero when its check failed, and says by `not_run` what it could not check.

# A file, since some steps are processes of their own.
not_run() { printf '%s\n' "$1" >>"$LOGS/not_run"; }

step_fmt() { cargo fmt --check; }
# With tests come all features (Cargo.toml); what is built without them has none.
step_clippy() { cargo clippy --locked --all-targets -- -D warnings && cargo clippy --locked -- -D warnings; }
step_doc() { RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --document-private-items --features otlp; }
step_release() {
    # Begun at the start of a run of all steps.
    if [ -n "${BUILDING:-}" ]; then wait "$BUILDING" && return 0; tail -n 40 "$LOGS/release"; return 1; fi
    cargo build --locked --release
}

# The very command that the README gives: the two cannot drift apart.
step_test() {
    # Not exported: a binary that later steps start would ask what it sets.
    local pebble=()
    if prepare_pebble; then pebble=(FRONTGATE_PEBBLE=required); else
        not_run 'test: pebble could not be installed; the public certificate is unchecked against a real authority'
    fi
    # What replicas share.
    command -v redis-server >/dev/null || install redis-server || not_run 'replicas: redis-server could not be installed'
    local command; command="$(readme_command test)"
    [ -n "$command" ] || { echo 'README.md has no command marked <!-- ci: test -->'; return 1; }
    # The doctor's look at the clock is tried at another time.
    ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 || install libfaketime || not_run 'doctor: libfaketime could not be installed'
    # The tests of `frontgate trust` skip what needs certutil.
    command -v certutil >/dev/null || install libnss3-tools || not_run 'trust: certutil (libnss3-tools) could not be installed'
    echo "\$ $command"
    env "${pebble[@]}" bash -euo pipefail -c "$command" 2>&1 | tee "$LOGS/test"
    local code="${PIPESTATUS[0]}" line
    # A test that checks nothing here passes, and says so.
    while read -r line; do not_run "test: ${line#!!! NOT RUN: }"; done < <(grep '^!!! NOT RUN: ' "$LOGS/test" | sort -u)
    return "$code"
}

# The program of this run: its release, where it builds one, since no step that goes on beside others may build.
any_binary() {
    local built="${CARGO_TARGET_DIR:-target}"
    if wants release; then realpath -e "$built/release/frontgate"; else cargo build --locked >&2 && realpath -e "$built/debug/frontgate"; fi
}

# The old proxy and frontgate with the imported config, side by side.
step_import() {
    local tool code=0
    for tool in nginx apache2 caddy; do
        command -v "$tool" >/dev/null || [ -x "/usr/sbin/$tool" ] || install "$tool" || true
    done
    local binary; binary="$(any_binary)" || return 1
    FRONTGATE_BIN="$binary" tests/import/compare || code=$?
    [ "$code" = 3 ] || return "$code"
    not_run 'import: a proxy could not be installed; its cases were compared with what they recorded'
}

# The certificate authority of the tests in tests/it/acme.
prepare_pebble() {
    installed() { command -v pebble >/dev/null && command -v pebble-challtestsrv >/dev/null; }
    installed && return 0
    as_root apt-get -o DPkg::Lock::Timeout=600 update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends pebble
    installed
}

# readme_command NAME    The code block that follows the comment `<!-- ci: NAME -->`.
readme_command() {
    awk -v mark="<!-- ci: $1 -->" '$0 == mark { found = 1; next } found && /^```/ { if (inside) exit; inside = 1; next } inside' README.md
}

# A path that every message or request takes may not grow by over 5 %: tests/bench/counts.
step_counts() {
    if ! command -v valgrind >/dev/null && ! install valgrind; then
        not_run 'counts: valgrind could not be installed; NO instruction was counted'; return 0
    fi
    local code=0
    nice -n 10 tests/bench/counts/run || code=$?
    [ "$code" = 3 ] || return "$code"
    not_run 'counts: compared loosely, because what they were recorded with is not what is here: see the step'
}

# The fuzz targets are a package of their own, which no other step compiles. FUZZ_SECONDS: for each target.
step_fuzz() {
    command -v c++ >/dev/null || install g++
    local code=0
    nice -n 10 tests/fuzz/run || code=$?
    [ "$code" = 3 ] || return "$code"
    not_run 'fuzz: no C++ compiler could be installed; the fuzz targets are not compiled and NOTHING was fuzzed'
}

# Not among the default steps: it compiles a second rustls.
step_rustls-next() {
    cp Cargo.lock tests/rustls-next/Cargo.lock
    cargo test --manifest-path tests/rustls-next/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-target}/rustls-next" --test session
}

# Not among the default steps: it takes hours.
step_mutants() {
    local root="$CACHE/frontgate-ci" code=0
    [ -x "$root/bin/cargo-mutants" ] || cargo install --locked --root "$root" cargo-mutants
    PATH="$root/bin:$PATH" tests/mutants/run || code=$?
    [ "$code" = 3 ] || return "$code"
    not_run 'mutants: cargo-mutants could not be installed; NOTHING was changed to see whether a test notices'
}

# Not among the default steps: it takes seven minutes in which nothing else should run, and root.
step_attack() {
    python3 -m py_compile tests/attack/run tests/attack/hour tests/attack/lab/*.py tests/attack/lab/scenarios/*.py || return 1
    local binary="${CARGO_TARGET_DIR:-target}/release/frontgate" code=0
    [ -x "$binary" ] || step_release || return 1
    binary="$(realpath "$binary")"
    FRONTGATE_BIN="$binary" tests/attack/run || code=$?
    [ "$code" != 3 ] || { not_run 'attack: there is no root, namespace or memory cgroup here; NOTHING was attacked'; return 0; }
    FRONTGATE_BIN="$binary" tests/attack/hour 1 || code=$?
    return "$code"
}

# No spelling of a path gets round a guard, whichever program reads it: tests/readings.
step_readings() {
    local code=0
    tests/readings/run || code=$?
    [ "$code" = 3 ] || return "$code"
    not_run 'readings: a program could not be installed; its readings are unchecked: see the step'
}

# ------------------------------------------------------------------------------------------------------- cargo-deny

DENY="$CACHE/frontgate-ci/bin/cargo-deny"

prepare_deny() {
    [ -x "$DENY" ] && return 0
    # cargo-deny yields to the other compilers: it is needed last.
    CARGO_TARGET_DIR="$LOGS/cargo-deny" nice -n 10 cargo install --locked --jobs 1 --root "$CACHE/frontgate-ci" cargo-deny
}

step_deny() {
    if ! "$DENY" --version; then
        not_run 'deny: cargo-deny could not be installed; licences, bans and sources are unchecked'; return 0
    fi
    local checks=(bans licenses sources)
    if "$DENY" fetch db >"$LOGS/db" 2>&1; then checks+=(advisories); else
        tail -n 2 "$LOGS/db"
        not_run 'advisories: the RustSec database cannot be reached; known vulnerabilities are unchecked'
    fi
    "$DENY" check --hide-inclusion-graph "${checks[@]}"
}

# ------------------------------------------------------------------------------------------------------- end to end

export OPENCLAW_KIT="${OPENCLAW_KIT:-$PWD/tests/openclaw/kit}"

# The kit's own installer brings OpenClaw, Node 26 and Chromium; the rest is what tests/openclaw/run uses beside it.
prepare_e2e() {
    local packages=() tool
    for tool in ip:iproute2 unshare:util-linux curl:curl openssl:openssl; do command -v "${tool%:*}" >/dev/null || packages+=("${tool#*:}"); done
    if [ "${#packages[@]}" -gt 0 ]; then
        install "${packages[@]}"
    fi
    # The issuer of the logins.
    [ -d "$CACHE/frontgate-oidc/node_modules/oidc-provider" ] || npm install --silent --prefix "$CACHE/frontgate-oidc" oidc-provider@9.13.3
    "$OPENCLAW_KIT/setup.sh" "$CACHE/openclaw-kit" && OPENCLAW_VERSION=2026.7.35 "$OPENCLAW_KIT/setup.sh" "$CACHE/openclaw-7.35"
}

step_e2e() {
    local binary="${CARGO_TARGET_DIR:-target}/release/frontgate" failed=0 line
    [ -x "$binary" ] || cargo build --locked --release || return 1
    # LemonLDAP::NG is a hundred packages of Perl: its scenario runs where it is installed.
    E2E_ALLOW="${E2E_ALLOW:-lemonldap}" FRONTGATE_BIN="$(realpath "$binary")" tests/openclaw/run >"$LOGS/e2e" 2>&1 || failed=1
    cat "$LOGS/e2e"
    vanished_peers || failed=1
    while read -r line; do not_run "e2e: ${line#NOT RUN}"; done < <(grep -h '^NOT RUN' "$LOGS/e2e" "$LOGS/vanished")
    return "$failed"
}

# Peers behind a cable that is cut, in networks of the test's own.
vanished_peers() {
    command -v nft >/dev/null || install nftables
    cargo test --locked --test it vanished::in_time -- --ignored --nocapture >"$LOGS/vanished" 2>&1
    local failed=$?
    grep -E '^(test|NOT RUN|.* after the cut)' "$LOGS/vanished"
    [ "$failed" = 0 ] || tail -n 30 "$LOGS/vanished"
    return "$failed"
}

# ------------------------------------------------------------------------------------------------------- deployments

# The machine gets nothing that runs by itself: nginx, Caddy, systemd and cloud-init are installed in containers.
prepare_deploy() {
    local packages=() tool
    for tool in podman:podman runc:runc debootstrap:debootstrap conmon:conmon catatonit:catatonit shellcheck:shellcheck file:file openssl:openssl curl:curl; do
        command -v "${tool%:*}" >/dev/null || packages+=("${tool#*:}")
    done
    # netavark: the network between containers; it runs iptables or, in its newer versions, nft.
    [ -x /usr/lib/podman/netavark ] || packages+=(netavark aardvark-dns)
    command -v iptables >/dev/null || packages+=(iptables)
    command -v nft >/dev/null || packages+=(nftables)
    if [ "${#packages[@]}" -gt 0 ]; then install "${packages[@]}"; fi
    deploy/test/run prepare
}

step_deploy() {
    local verdict=0 line
    DEPLOY_QUICK=1 nice -n 10 deploy/test/run | tee "$LOGS/deployed"; verdict="${PIPESTATUS[0]}"
    while read -r line; do not_run "deploy: ${line#NOT RUN }"; done < <(grep '^NOT RUN' "$LOGS/deployed")
    return "$verdict"
}

# Not among the default steps: it compiles for two processors, which takes half an hour. RELEASE_COMPARE=1: twice.
step_packages() {
    local packages=() tool verdict=0 line
    for tool in rpm:rpm qemu-aarch64:qemu-user readelf:binutils ruby:ruby wget:wget npm:npm; do
        command -v "${tool%:*}" >/dev/null || packages+=("${tool#*:}")
    done
    if [ "${#packages[@]}" -gt 0 ]; then install "${packages[@]}"; fi
    prepare_deploy
    # shellcheck disable=SC2266 # that is a script and no condition
    deploy/release/test | tee "$LOGS/packaged"; verdict="${PIPESTATUS[0]}"
    while read -r line; do not_run "packages: ${line#NOT RUN }"; done < <(grep '^NOT RUN' "$LOGS/packaged")
    return "$verdict"
}

# Not among the default steps: whether it compiles for systems that this one is not. zig is the C compiler for all of them.
step_targets() {
    local target failed=0 tools="$CACHE/frontgate-ci/release-tools-1"
    if ! deploy/release/build tools; then
        not_run 'targets: zig could not be installed from PyPI; NOTHING was compiled for another system'; return 0
    fi
    for target in aarch64-unknown-linux-musl x86_64-apple-darwin aarch64-apple-darwin x86_64-pc-windows-gnu; do
        if ! rustup target add "$target"; then
            not_run "targets: the standard library for $target cannot be had; it is NOT KNOWN whether frontgate compiles for it"; continue
        fi
        if PATH="$tools/bin:$PATH" nice -n 10 cargo-zigbuild check --locked --features otlp --target "$target" >"$LOGS/$target" 2>&1; then
            echo "$target: compiles"
        else
            grep -A 3 '^error' "$LOGS/$target" || tail -n 40 "$LOGS/$target"
            echo "$target: FAILED, it compiled before"; failed=1
        fi
    done
    return "$failed"
}

install() {
    as_root apt-get -o DPkg::Lock::Timeout=600 update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends "$@"
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# ------------------------------------------------------------------------------------------------------- conformance

step_conformance() {
    local code=0
    local binary; binary="$(any_binary)" || return 1
    FRONTGATE_BIN="$binary" tests/conformance/run || code=$?
    [ "$code" = 3 ] || return "$code"
    not_run 'conformance: a tool could not be installed from PyPI; a standard is unchecked: see the step'
}
