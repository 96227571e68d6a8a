# shellcheck shell=bash
# shellcheck disable=SC2153,SC2164 # errexit is on where these run; the variables are those of ../test
# The container images.

check_image() {
    local why; why="$(no_containers)"
    if [ -n "$why" ]; then not_run "image: $why"; return; fi
    check 'image: each is for its processor, and what the Dockerfile says' images_are_right
    if [ -n "$STAND_IN" ]; then not_run 'image: the program is one that was lent; it was not started'; return; fi
    check 'image: serves read-only, without capabilities, and is healthy' image_runs
}

docker_arch() { case "$(uname -m)" in x86_64) echo amd64 ;; *) echo arm64 ;; esac }

images_are_right() {
    local each arch
    for each in "$DIST"/*-image-*.tar; do
        arch="$(basename "$each" .tar)"; arch="${arch##*-}"
        pod load -q -i "$each"
        pod inspect "localhost/frontgate:$VERSION-$arch" >"$W/inspected"
        python3 - "$W/inspected" "$arch" "$VERSION" "$DEPLOY/Dockerfile" <<'PYTHON'
import json, sys
image = json.load(open(sys.argv[1]))[0]
config = image["Config"]
assert image["Architecture"] == sys.argv[2], image["Architecture"]
health = image.get("HealthCheck") or image.get("Healthcheck") or config["Healthcheck"]
assert health["Test"] == ["CMD", "frontgate", "status"] and health["Interval"] == 10 * 10**9 and health["Retries"] == 3, health
assert config["User"] == "65532:65532" and config["Entrypoint"] == ["frontgate"] and config["StopSignal"] in ("SIGTERM", "15"), config
assert set(config["Volumes"]) == {"/var/lib/frontgate"} and set(config["ExposedPorts"]) == {"8443/tcp", "8080/tcp"}, config
assert {"PATH=/usr/local/bin", "STATE_DIRECTORY=/var/lib/frontgate"} <= set(config["Env"]), config
assert config["Labels"]["org.opencontainers.image.version"] == sys.argv[3], config
# Whatever else the Dockerfile says of the image is in there, too.
last = open(sys.argv[4]).read().split("\nFROM ")[-1]
for word in ("title", "description", "licenses", "version", "revision"):
    assert f"image.{word}=" in last and config["Labels"][f"org.opencontainers.image.{word}"], word
PYTHON
        say "$(basename "$each"): $(wc -c <"$each") bytes"
    done
}

image_runs() {
    pod run -d --name frontgate --read-only --read-only-tmpfs=false --cap-drop=all --security-opt no-new-privileges -v state:/var/lib/frontgate \
        "localhost/frontgate:$VERSION-$(docker_arch)" --name gw.example.test
    soon pod healthcheck run frontgate
    # There is no gateway, and the page says that.
    want 'over https' "$(curl -sk -o /dev/null -w '%{http_code}' "https://$(address_of frontgate):8443/")" '50?'
    pod stop -t 40 frontgate
    want 'its exit code' "$(pod inspect frontgate --format '{{.State.ExitCode}}')" 0
    pod rm -f frontgate
}
