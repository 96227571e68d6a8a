# shellcheck shell=bash
# What frontgate costs. Runs first, while the machine is quiet. Times are printed, not judged: the machine is not ours.

try - binary-is-no-larger-than-it-was binary_size
try - start-to-ready figures_of_a_start

binary_size() {
    local bytes; bytes="$(stat -c %s "$FRONTGATE_BIN")"
    echo "figure: $(mb "$bytes") MB"
    # It must not grow beyond what it has; deploy/test/run judges the image.
    must "the binary has $bytes bytes" [ "$bytes" -lt 20500000 ]
}

figures_of_a_start() {
    local first again pid
    first="$(milliseconds_to_ready figures)"; pid="$(cat "$W/figures/frontgate.pid")"
    kill -TERM "$pid"; until_true 10 gone "$pid"
    again="$(milliseconds_to_ready figures)"; pid="$(cat "$W/figures/frontgate.pid")"
    echo "figure: first $first ms (makes its CA), again $again ms, at rest $(memory "$pid" VmRSS) MB resident, $(memory "$pid" Pss) MB proportional"
    kill -TERM "$pid"; until_true 10 gone "$pid"
    must 'it never became ready' [ -n "$first" -a -n "$again" ]
}

# Polled every millisecond, so that the figure is not the poll's.
milliseconds_to_ready() {
    mkdir -p "$W/$1/home" "$W/pids"
    python3 - "$W/$1" "$FRONTGATE_BIN" <<'PY'
import os, socket, subprocess, sys, time
folder, binary = sys.argv[1:]
args = [binary, "--listen", "127.0.0.1:8440", "--admin", "127.0.0.1:9170"]
env = {"PATH": "/usr/bin:/bin", "HOME": folder + "/home", "XDG_STATE_HOME": folder + "/state"}
began = time.monotonic()
with open(folder + "/frontgate.log", "ab") as log:
    child = subprocess.Popen(args, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder, env=env, start_new_session=True)
open(f"{folder}/../pids/{child.pid}", "w").close()
with open(folder + "/frontgate.pid", "w") as file:
    file.write(str(child.pid))
while time.monotonic() - began < 10 and child.poll() is None:
    try:
        with socket.create_connection(("127.0.0.1", 9170), 1) as admin:
            admin.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            if admin.recv(64).startswith(b"HTTP/1.1 200"):
                print(round((time.monotonic() - began) * 1000))
                break
    except OSError:
        pass
    time.sleep(0.001)
PY
}

memory() { awk -v key="$2:" '$1 == key { printf "%.1f", $2 / 1000; exit }' "/proc/$1/status" "/proc/$1/smaps_rollup"; }
mb() { awk -v bytes="$1" 'BEGIN { printf "%.1f", bytes / 1e6 }'; }
gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.*Z' "/proc/$1/status"; }
