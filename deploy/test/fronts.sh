# shellcheck shell=bash
# Configs, and the proxies in front for real, with a client of another machine.

check_configs() {
    local file
    for file in "$DEPLOY"/*/frontgate.yaml; do
        check "config: ${file#"$DEPLOY"/} is right" "$BINARY" check -c "$file"
    done
    check 'config: those in the Kubernetes manifests are right' manifests_are_right
    check 'config: every script is sound' scripts_are_sound
}

manifests_are_right() {
    local file
    mkdir -p "$W/tls-files"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/tls-files/tls.key" -out "$W/tls-files/tls.crt" -days 2 \
        -subj /CN=gw.example.com -addext subjectAltName=DNS:gw.example.com 2>/dev/null
    for file in "$DEPLOY"/kubernetes/*.yaml; do
        # The lines of the block scalar, and the certificate where it is.
        sed -n '/frontgate.yaml: |/,/^---/{/^    /s/^    //p}' "$file" | sed "s|/tls/|$W/tls-files/|g" >"$W/manifest.yaml"
        test -s "$W/manifest.yaml"
        "$BINARY" check -c "$W/manifest.yaml"
    done
}

scripts_are_sound() {
    command -v shellcheck || { say 'shellcheck is not installed'; return 0; }
    shellcheck --external-sources --source-path="$HERE" "$DEPLOY/vps/install.sh" "$HERE"/run "$HERE"/behind "$HERE"/*.sh
}

check_fronts() {
    local proxy
    for proxy in nginx caddy; do check "$proxy in front: the client's address arrives, and WebSockets live" behind "$proxy"; done
}

# In a container with no network but what it makes for itself.
behind() {
    [ -d "$W/proxies" ] || root_of proxies "$W/proxies"
    pod run --rm --network none --cap-add NET_ADMIN -v "$HERE:/test:ro" -v "$DEPLOY:/deploy:ro" -v "$BINARY:/frontgate:ro" \
        --rootfs "$W/proxies" /test/behind "$1" /deploy /frontgate
}
