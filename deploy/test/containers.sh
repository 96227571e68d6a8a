# shellcheck shell=bash
# shellcheck disable=SC2153 # ROOT is the repository's, root a container's
# compose.yaml and the Kubernetes manifests. The gateway in them is the kit's real one, in an image that stands in for OpenClaw's:
# Debian's packages, with the kit mounted where OpenClaw's image has its program.

# stand_in NAME    the image localhost/NAME that has `node dist/index.js`, as OpenClaw's has.
stand_in() {
    local root="$W/stand-in"
    if pod image exists "localhost/$1"; then return; fi
    rm -rf "$root"
    root_of bookworm "$root"
    mkdir -p "$root/home/node/.openclaw" "$root/install"
    ln -s /install/node_modules/node/bin/node "$root/usr/local/bin/node"
    tar -C "$root" -c . | pod import --quiet --change WORKDIR=/install/node_modules/openclaw --change ENV=HOME=/home/node --change ENV=OPENCLAW_NO_RESPAWN=1 \
        --change ENV=OPENCLAW_DISABLE_BONJOUR=1 --change 'ENV=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "localhost/$1" >/dev/null
    rm -rf "$root"
}

check_kubernetes() {
    have_image || return
    check 'kubernetes: the manifests fit the schemas' manifests_fit
    check 'kubernetes: a replica of the deployment serves, with the certificate that all share' plays_a_replica
}

manifests_fit() {
    tools
    "$CACHE/deploy-tools/bin/kubernetes-validate" --strict "$DEPLOY"/kubernetes/*.yaml
}

# played FILE PYTHON    the manifest with what is not here replaced by what is.
played() {
    "$CACHE/deploy-tools/bin/python" - "$1" "$KIT_INSTALL" <<PYTHON
import sys, yaml
documents = list(yaml.safe_load_all(open(sys.argv[1])))
for document in documents:
    spec = document.get("spec", {})
    spec = spec.get("template", {}).get("spec", spec)
    for container in spec.get("containers", []) + spec.get("initContainers", []):
        gateway = container["image"].startswith("ghcr.io/openclaw/openclaw")
        container["image"] = "localhost/openclaw" if gateway else "localhost/frontgate"
        container["imagePullPolicy"] = "Never"
        if gateway:
            container.setdefault("volumeMounts", []).append({"name": "install", "mountPath": "/install", "readOnly": True})
    if spec.get("containers"):
        spec.setdefault("volumes", []).append({"name": "install", "hostPath": {"path": sys.argv[2], "type": "Directory"}})
$2
print(yaml.safe_dump_all(documents))
PYTHON
}

plays_the_pod() {
    nothing_runs
    stand_in openclaw
    # Clients come from this network here, as the ingress does there.
    # podman 4.3 would start an init container that has ended once more, too.
    played "$DEPLOY/kubernetes/sidecar.yaml" "
next(each for each in documents if each['kind'] == 'Pod')['spec']['restartPolicy'] = 'OnFailure'" | sed "s|https://gw.example.com|https://gw.example.test:8443|" >"$W/pod.yaml"
    pod kube play "$W/pod.yaml"
    local at; at="$(address_of "$(pod pod inspect openclaw --format '{{.InfraContainerID}}')")"
    soon pod exec openclaw-frontgate frontgate status --ready
    soon curl -fsS "http://$at:8080/readyz"
    # As an ingress in 10.0.0.0/8 would ask.
    want 'a page of the gateway' "$(curl -s -H 'X-Forwarded-For: 203.0.113.7' -H 'X-Forwarded-Proto: https' "http://$at:8080/")" '*openclaw-control-ui*'
    local said
    said="$("$NODE" "$KIT/ws-connect.mjs" "ws://gw.example.test:8080" change-me --host-map "gw.example.test=$at" --origin https://gw.example.test:8443 \
        --header 'X-Forwarded-For: 203.0.113.7' --header 'X-Forwarded-Proto: https' --client openclaw-control-ui:webchat --expect 'pairing required')" || { echo "$said"; return 1; }
    grep -q nonce <<<"$said"
    pod logs openclaw-frontgate 2>&1 | grep '"message":"websocket"' | grep '"client":"203.0.113.7"'
    pod inspect openclaw-frontgate --format '{{.HostConfig.ReadonlyRootfs}} {{.Config.User}} {{.EffectiveCaps}}' | tee "$W/inspected"
    want 'read-only, user' "$(cut -d' ' -f1,2 "$W/inspected")" 'true 65532*'
    local began=$SECONDS
    pod pod stop -t 40 openclaw
    say "stopped within $((SECONDS - began)) s, with a drain of 25 s"
    want 'its exit code' "$(pod inspect openclaw-frontgate --format '{{.State.ExitCode}}')" 0
    pod kube down "$W/pod.yaml"
}

plays_a_replica() {
    nothing_runs
    mkdir -p "$W/secret"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/secret/tls.key" -out "$W/secret/tls.crt" -days 2 \
        -subj /CN=gw.example.com -addext subjectAltName=DNS:gw.example.com 2>/dev/null
    # A folder stands in for the secret: podman 4.3 does not write one as its files.
    chmod -R a+rX "$W/secret"
    played "$DEPLOY/kubernetes/replicas.yaml" "
documents = [each for each in documents if each['kind'] in ('ConfigMap', 'Deployment')]
spec = next(each for each in documents if each['kind'] == 'Deployment')['spec']
spec['replicas'] = 1
tls = next(each for each in spec['template']['spec']['volumes'] if each['name'] == 'tls')
del tls['secret']
tls['hostPath'] = {'path': '$W/secret', 'type': 'Directory'}" >"$W/replica.yaml"
    pod kube play "$W/replica.yaml"
    local pod_name at; pod_name="$(pod pod ps --format '{{.Name}}' | head -n 1)"
    at="$(address_of "$(pod pod inspect "$pod_name" --format '{{.InfraContainerID}}')")"
    soon pod exec "$pod_name-frontgate" frontgate status --ready
    want 'over http' "$(curl -s -o /dev/null -w '%{http_code} %{redirect_url}' -H 'Host: gw.example.com' "http://$at:8080/x")" '308 https://gw.example.com/x'
    curl -s --cacert "$W/secret/tls.crt" --resolve "gw.example.com:8443:$at" -o /dev/null -w '%{http_code}\n' -m 3 https://gw.example.com:8443/ || [ $? = 28 ]
    pod kube down "$W/replica.yaml"
}

check_pod() {
    have_image || return
    check 'kubernetes: the sidecar pod serves its gateway under podman kube play' plays_the_pod
}

check_compose() {
    have_image || return
    check 'compose: a gateway and frontgate come up healthy, by one command' composes
}

composes() {
    nothing_runs
    tools
    stand_in openclaw
    cat >"$W/override.yaml" <<YAML
services:
  gateway-settings: { volumes: ["$KIT_INSTALL:/install:ro"] }
  gateway: { volumes: ["$KIT_INSTALL:/install:ro"] }
YAML
    # Its storage and runtime, for every program that calls podman.
    mkdir -p "$W/bin"
    # shellcheck disable=SC2016 # expanded there
    { echo '#!/usr/bin/env bash'; declare -p W PODMAN; declare -f pod; echo 'pod "$@"'; } >"$W/bin/podman"
    chmod +x "$W/bin/podman"
    compose() {
        PATH="$W/bin:/usr/bin:/bin:/usr/sbin:/sbin" PUBLIC_NAME=gw.example.test OPENCLAW_GATEWAY_TOKEN=compose-token-0123456789 OPENCLAW_IMAGE=localhost/openclaw \
            FRONTGATE_IMAGE=localhost/frontgate HTTPS_PORT=127.0.0.1:18443 HTTP_PORT=127.0.0.1:18080 \
            "$CACHE/deploy-tools/bin/podman-compose" --in-pod false -f "$DEPLOY/compose.yaml" -f "$W/override.yaml" "$@"
    }
    compose up -d --no-build
    soon pod healthcheck run openclaw_frontgate_1
    soon pod healthcheck run openclaw_gateway_1
    # The container is healthy before the gateway takes WebSockets.
    soon pod exec openclaw_gateway_1 curl -fsS http://127.0.0.1:18789/readyz
    want 'over http' "$(curl -s -o /dev/null -w '%{http_code} %{redirect_url}' -H 'Host: gw.example.test' http://127.0.0.1:18080/x)" '308 https://gw.example.test/x'
    local said
    said="$("$NODE" "$KIT/ws-connect.mjs" wss://gw.example.test:18443 compose-token-0123456789 --host-map gw.example.test=127.0.0.1 --insecure \
        --origin https://gw.example.test --client openclaw-control-ui:webchat --expect 'pairing required')" || { echo "$said"; pod logs openclaw_gateway_1 | tail -n 20; return 1; }
    grep -q nonce <<<"$said"
    for each in frontgate gateway; do want "the restart policy of $each" "$(pod inspect "openclaw_${each}_1" --format '{{.HostConfig.RestartPolicy.Name}}')" unless-stopped; done
    # The certificate is in the named volume: the next container has it too.
    local before; before="$(shown 127.0.0.1 18443)"
    compose down
    pod volume ls --format '{{.Name}}' | grep frontgate-state
    compose up -d --no-build
    soon pod healthcheck run openclaw_frontgate_1
    want 'the certificate' "$(shown 127.0.0.1 18443)" "$before"
    compose down -v
}
