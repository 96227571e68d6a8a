# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is used in the files that are sourced after this
# The words that the checks are written in. Sourced by `run`.

HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
DEPLOY="$(dirname "$HERE")"
ROOT="$(dirname "$DEPLOY")"
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/frontgate-ci"
KIT="${OPENCLAW_KIT:-$ROOT/tests/openclaw/kit}"
KIT_INSTALL="${OPENCLAW_KIT_INSTALL:-${XDG_CACHE_HOME:-$HOME/.cache}/openclaw-kit}"
export OPENCLAW_KIT_INSTALL="$KIT_INSTALL"
NODE="$KIT_INSTALL/node_modules/node/bin/node"
# frontgate takes a FRONTGATE_ variable that it does not know for an error.
BINARY="${FRONTGATE_BIN:-}"; unset FRONTGATE_BIN
FAILED=0 PASSED=yes

# check NAME COMMAND...    runs COMMAND, in which the first thing that fails is the end, prints its line, and sets PASSED to
# `yes` or `no`. Never part of a condition (`check … || return`): bash would then go on behind what fails in COMMAND.
check() {
    local name="$1" log="$W/log/${1//[^a-z0-9]/-}" began=$SECONDS; shift
    (set -e; "$@") >"$log" 2>&1
    local status=$?
    PASSED=yes
    case $status in
        0) echo "ok      $name ($((SECONDS - began)) s)"; sed -n 's/^SAY /        /p' "$log" ;;
        *) FAILED=1 PASSED=no; echo "FAIL    $name ($((SECONDS - began)) s, $status)"; tail -n 25 "$log" | cut -c-250 | sed 's/^/        | /' ;;
    esac
}

# Loud, and collected by .ci/run.
not_run() { echo "NOT RUN $*"; }

# A figure that is worth a line in the output.
say() { echo "SAY $*"; }

# want WHAT ACTUAL PATTERN    ends the check unless ACTUAL matches the glob PATTERN.
want() {
    # shellcheck disable=SC2053 # the right side is a pattern
    [[ "$2" == $3 ]] || { echo "$1: expected $3, but it is: $2"; return 1; }
}

# soon COMMAND...    until it succeeds, for at most two minutes: a gateway that starts on a busy machine takes its time.
soon() {
    local until=$((SECONDS + 120))
    until "$@" >/dev/null 2>&1; do [ "$SECONDS" -lt "$until" ] || { echo "not within two minutes: $*"; "$@"; return 1; }; sleep 0.1; done
}

# podman with storage of its own, so that nothing of this machine is touched or left behind. By its path: a wrapper of that
# name may stand first in PATH, and must not call itself.
PODMAN="$(type -P podman || true)"
pod() {
    # podman's own limits are more than a sandbox lets it have.
    [ -f "$W/containers.conf" ] || printf '[containers]\ndefault_ulimits = ["nofile=10000:10000", "nproc=10000:10000"]\n' >"$W/containers.conf"
    CONTAINERS_CONF="$W/containers.conf" "$PODMAN" --root "$W/podman" --runroot "$W/run" --tmpdir "$W/tmp" --runtime runc --cgroup-manager cgroupfs \
        --storage-driver vfs "$@" 2> >(grep -v 'to cgroupfs sandbox cgroup' >&2)
}

# Without a network for containers every check below would wait for its time to pass.
containers_have_a_network() {
    root_of bookworm "$W/network-root"
    pod run --rm --rootfs "$W/network-root" ip route show default
    rm -rf "$W/network-root"
}

# Removes what a check before this one may have left; one by one where one needs another, which has to stay until then.
nothing_runs() {
    pod pod rm -f -a || true
    for _ in 1 2 3 4; do pod rm -f -t 0 -a || true; [ -n "$(pod ps -a -q)" ] || break; done
    pod volume rm -f -a || true
} >/dev/null 2>&1

address_of() { pod inspect "$1" --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'; }

# json FIELD    that field of the flat object on standard input.
json() { sed -n "s/.*\"$1\": \"\{0,1\}\([^\",}]*\).*/\1/p"; }

# What the checks run in: roots made of Debian's packages, kept between runs. bookworm and trixie have a systemd that can be
# booted, proxies has nginx and Caddy, rust has what the image rust:*-slim-bookworm has beside Rust.
# shellcheck disable=SC2054 # commas are debootstrap's
declare -A PACKAGES=(
    [bookworm]="systemd,systemd-sysv,dbus,ca-certificates,curl,iproute2,python3,libatomic1"
    [trixie]="systemd,systemd-sysv,dbus,ca-certificates,curl,iproute2,python3"
    [proxies]="nginx-light,caddy,ca-certificates,curl,iproute2,openssl,python3"
    [rust]="gcc,libc6-dev,ca-certificates"
)

# root_of NAME INTO    unpacks one of these roots.
root_of() {
    make_root "$1" || return 1
    mkdir -p "$2"
    tar -C "$2" -xf "$(tar_of "$1")"
    chmod 755 "$2"
}

tar_of() { echo "$CACHE/roots/$1-2.tar"; }

make_root() {
    local into distribution=bookworm tar; tar="$(tar_of "$1")"
    [ ! -f "$tar" ] || return 0
    [ "$1" != trixie ] || distribution=trixie
    into="$(mktemp -d)"
    mkdir -p "$CACHE/roots"
    debootstrap --variant=minbase --include="${PACKAGES[$1]}" "$distribution" "$into" >"$into.log" 2>&1 || { tail -n 5 "$into.log"; return 1; }
    # Whatever stands between this machine and the registries, its containers are behind it too.
    cp /etc/ssl/certs/ca-certificates.crt "$into/etc/ssl/certs/ca-certificates.crt"
    rm -rf "$into"/var/cache/apt/archives/*.deb
    tar -C "$into" -cf "$tar.part" . && mv "$tar.part" "$tar"
    rm -rf "$into" "$into.log"
}

# tools    podman-compose and a validator that brings Kubernetes' schemas, from PyPI.
tools() {
    local tools="$CACHE/deploy-tools"
    [ -x "$tools/bin/kubernetes-validate" ] || { python3 -m venv "$tools" && "$tools/bin/pip" install --quiet podman-compose==1.6.0 kubernetes-validate pyyaml; }
}

# Everything that comes from elsewhere.
check_prepare() {
    local each waiting=()
    for each in "${!PACKAGES[@]}"; do make_root "$each" & waiting+=($!); done
    tools || FAILED=1
    rustup target add "$(uname -m)-unknown-linux-musl" || FAILED=1
    for each in "${waiting[@]}"; do wait "$each" || FAILED=1; done
}

# Why containers cannot be run here; prints nothing when they can.
no_containers() {
    local tool
    [ "$(id -u)" = 0 ] || { echo 'it takes root'; return; }
    for tool in podman runc debootstrap openssl file curl python3; do command -v "$tool" >/dev/null || { echo "$tool is not installed"; return; }; done
}
