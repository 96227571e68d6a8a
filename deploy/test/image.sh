# shellcheck shell=bash
# shellcheck disable=SC2153 # ROOT is the repository's, root a container's
# The Dockerfile as it is, built from a stand-in for the image rust: made of Debian's packages and this machine's Rust, which
# is lent to the build with the crates that it has. With DEPLOY_QUICK=1 the program is optimised less, which takes a third of the
# time; its size is then not judged.

check_image() {
    check 'image: builds from the Dockerfile' build_image
    [ "$PASSED" = yes ] || return
    [ -z "${DEPLOY_QUICK:-}" ] || not_run 'image: its size, since DEPLOY_QUICK built it with less optimisation; deploy/test/run image judges it'
    check 'image: is small, has labels, a user, roots and a health check' image_is_right
    if [ -x "$NODE" ]; then check 'image: serves the real gateway read-only, without capabilities, in 32 MiB' image_serves
    else not_run "image: there is no OpenClaw in $KIT_INSTALL; the image did not serve the real gateway"; fi
    check 'image: trusts the authorities that it brings' image_trusts
    check 'image: is unhealthy when it does not answer' image_is_unhealthy
}

build_image() {
    local toolchains crates; toolchains="${RUSTUP_HOME:-$HOME/.rustup}" crates="${CARGO_HOME:-$HOME/.cargo}"
    rustup target add "$(uname -m)-unknown-linux-musl"
    make_root rust
    pod import --quiet --change ENV=PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        --change ENV=CARGO_HOME=/usr/local/cargo --change ENV=RUSTUP_HOME=/usr/local/rustup --change "ENV=RUSTUP_TOOLCHAIN=$(rustup show active-toolchain | cut -d' ' -f1)" \
        "$(tar_of rust)" localhost/rust >/dev/null
    mkdir -p "$CACHE/image-target"
    : >"$W/profile.toml"
    [ -z "${DEPLOY_QUICK:-}" ] || printf '[profile.release]\nopt-level = 1\nlto = "off"\ncodegen-units = 16\n' >"$W/profile.toml"
    pod build --quiet --network host --format docker --ulimit nofile=10000:10000 --ulimit nproc=10000:10000 \
        -v "$toolchains:/usr/local/rustup" -v "$crates:/usr/local/cargo" -v "$CACHE/image-target:/src/target" \
        -v "$W/profile.toml:/.cargo/config.toml:ro" \
        --build-arg RUST_IMAGE=localhost/rust --build-arg REVISION="$(git -C "$ROOT" rev-parse HEAD)" \
        -f "$DEPLOY/Dockerfile" -t localhost/frontgate "$ROOT"
    pod create --name extracted localhost/frontgate
    pod cp extracted:/usr/local/bin/frontgate "$W/frontgate"
    pod rm extracted
    say "$(du -b "$W/frontgate" | cut -f1) bytes, $(file -b "$W/frontgate" | cut -d, -f1,4)"
}

image_is_right() {
    local config size; config="$(pod inspect localhost/frontgate)"
    size="$(python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["Size"])' <<<"$config")"
    say "the image has $size bytes, of them $(du -b "$W/frontgate" | cut -f1) of the program"
    [ -n "${DEPLOY_QUICK:-}" ] || [ "$size" -lt 21000000 ]
    python3 - "$config" <<'PYTHON'
import json, sys
image = json.loads(sys.argv[1])[0]
config = image["Config"]
# podman writes it in one place, Docker in the other.
health = image.get("HealthCheck") or image.get("Healthcheck") or config["Healthcheck"]
assert config["User"] == "65532:65532", config
assert health["Test"] == ["CMD", "frontgate", "status"], health
assert config["Entrypoint"] == ["frontgate"] and "/var/lib/frontgate" in config["Volumes"], config
for label in ("title", "description", "licenses", "version", "revision"):
    assert config["Labels"][f"org.opencontainers.image.{label}"], label
PYTHON
    want 'its version' "$(python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["Config"]["Labels"]["org.opencontainers.image.version"])' <<<"$config")" \
        "$(sed -n 's/^version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml" | head -n 1)"
    want 'the program' "$(file -b "$W/frontgate")" '*static*linked*'
}

# gateway_up NAME [OPTION...]    the kit's real gateway, in a container that has nothing of frontgate's.
gateway_up() {
    local name="$1" root="$W/gateway-$1"; shift
    root_of bookworm "$root"
    mkdir -p "$W/state-$name"
    pod run -d --name "$name" -v "$(realpath "$KIT"):/kit:ro" -v "$KIT_INSTALL:/install:ro" -v "$W/state-$name:/state" \
        -e OPENCLAW_KIT_INSTALL=/install "$@" --rootfs "$root" /kit/start-gateway.sh 18789 /state \
        '{"gateway":{"trustedProxies":["127.0.0.1","::1"],"controlUi":{"allowedOrigins":["https://gw.example.test:8443"]}}}'
}

# reaches_gateway ADDRESS PORT TOKEN    a gateway client of another machine: challenged in time, asked to pair.
reaches_gateway() {
    local said
    said="$("$NODE" "$KIT/ws-connect.mjs" "wss://gw.example.test:$2" "$3" --host-map "gw.example.test=$1" --insecure \
        --origin https://gw.example.test:8443 --client openclaw-control-ui:webchat --expect 'pairing required')" || { echo "$said"; return 1; }
    "$NODE" -e 'const r = JSON.parse(process.argv[1]); if (!(r.challenge?.nonce && r.challenge.atMs - r.upgrade.atMs < 750)) process.exit(1)' "$said"
}

image_serves() {
    nothing_runs
    gateway_up gateway
    pod run -d --name frontgate --network container:gateway --read-only --read-only-tmpfs=false --cap-drop=all \
        --security-opt no-new-privileges --memory 32m --memory-swap 32m -v state:/var/lib/frontgate localhost/frontgate --name gw.example.test
    soon test -s "$W/state-gateway/token"
    soon pod exec gateway curl -fsS http://127.0.0.1:18789/readyz
    pod healthcheck run frontgate
    pod exec frontgate frontgate status --ready
    local at; at="$(address_of gateway)"
    want 'a page of the gateway' "$(curl -sk --resolve "gw.example.test:8443:$at" https://gw.example.test:8443/)" '*openclaw-control-ui*'
    reaches_gateway "$at" 8443 "$(cat "$W/state-gateway/token")"
    # What a room full of browsers costs.
    python3 "$HERE/client.py" hold "wss://$at:8443/" 30
    local memory; memory="/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory://p' "/proc/$(pod inspect frontgate --format '{{.State.Pid}}')/cgroup")"
    if [ -f "$memory/memory.limit_in_bytes" ]; then
        want 'its limit' "$(cat "$memory/memory.limit_in_bytes")" 33554432
        say "at most $(($(cat "$memory/memory.max_usage_in_bytes") / 1024)) KiB of the 32 MiB it may have, page cache and 30 WebSockets included"
    else
        say 'the memory limit could not be seen from here'
    fi
    want 'was it killed' "$(pod inspect frontgate --format '{{.State.OOMKilled}}')" false
    # The container has keys of its own, which outlive it.
    local before; before="$(shown "$at")"
    pod stop -t 40 frontgate
    want 'its exit code' "$(pod inspect frontgate --format '{{.State.ExitCode}}')" 0
    pod start frontgate
    soon pod healthcheck run frontgate
    want 'the certificate' "$(shown "$at")" "$before"
    # One after the other: the first lives in the network of the second.
    pod rm -f -t 0 frontgate
    pod rm -f -t 0 gateway
}

# The certificate that is shown at an address.
shown() { openssl s_client -connect "$1:${2:-8443}" -servername localhost </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256; }

image_trusts() {
    nothing_runs
    local tls="$W/tls"; mkdir -p "$tls"
    (cd "$tls" && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=test \
        -addext basicConstraints=critical,CA:true &&
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out request.pem -subj /CN=gateway.example.test &&
        openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out cert.pem \
            -extfile <(echo 'subjectAltName=DNS:gateway.example.test')) 2>/dev/null
    chmod -R a+rX "$tls"
    root_of bookworm "$W/tls-root"
    pod run -d --name upstream -v "$HERE:/test:ro" -v "$tls:/tls:ro" --add-host gateway.example.test:127.0.0.1 --rootfs "$W/tls-root" \
        python3 /test/gateway.py 127.0.0.1 18443 /tls/cert.pem /tls/key.pem
    local at roots; at="$(address_of upstream)"
    for roots in its ours; do
        local mount=(); [ $roots = its ] || mount=(-v "$tls/ca.pem:/etc/ssl/certs/ca-certificates.crt:ro")
        pod run -d --name frontgate --network container:upstream --read-only --cap-drop=all "${mount[@]}" \
            localhost/frontgate --upstream https://gateway.example.test:18443
        soon pod healthcheck run frontgate
        echo "with $roots roots: $(curl -sk "https://$at:8443/")"
        case $roots in
            # None of the CAs there has signed the certificate; but there are some, or frontgate would not have started.
            its) want 'a stranger' "$(curl -sk -o /dev/null -w '%{http_code}' "https://$at:8443/")" 502 ;;
            ours) want 'one that is known' "$(curl -sk "https://$at:8443/" | json x-forwarded-proto)" https ;;
        esac
        pod rm -f -t 0 frontgate
    done
    pod rm -f -t 0 upstream
}

image_is_unhealthy() {
    nothing_runs
    pod run -d --name frontgate --read-only --cap-drop=all -e FRONTGATE_ADMIN=127.0.0.1:9999 localhost/frontgate
    soon pod healthcheck run frontgate
    # No program listens at the address that it asks.
    if pod exec frontgate frontgate status --admin 127.0.0.1:9998; then return 1; fi
    pod rm -f -t 0 frontgate
    # A config that is wrong.
    if pod run --name frontgate localhost/frontgate --upstream nonsense; then return 1; fi
    want 'its exit code' "$(pod inspect frontgate --format '{{.State.ExitCode}}')" 2
    pod rm -f frontgate
}

# The image for a check that needs one; built already, or not at all.
have_image() {
    local why="there is no image"
    [ -x "$NODE" ] || why="there is no OpenClaw in $KIT_INSTALL"
    if [ -x "$NODE" ] && pod image exists localhost/frontgate; then return 0; fi
    not_run "${FUNCNAME[1]#check_}: $why"
    return 1
}
