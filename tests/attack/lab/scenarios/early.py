"""Answers that are given before the body has come."""
import shutil, subprocess
from lab import sandbox, wire
from lab.scenario import NotRun, scenario
from lab.scenarios.logins import HASHES

TRIES = 30
MIB = 1 << 20


def curl(lab, path, size, version, source):
    """An upload with curl: (exit code, status)."""
    body = f"{lab.folder}/body-{size}"
    with open(body, "wb") as file:
        file.write(b"a" * size)
    command = ["curl", "-sk", f"--{version}", "--interface", source, "--resolve", f"{wire.NAME}:{wire.HTTPS}:{sandbox.FRONTGATE}", "-o", f"{lab.folder}/out",
               "-w", "%{http_code} %{http_version}", "--data-binary", f"@{body}", "-H", "Expect:", "-m", "40", f"https://{wire.NAME}:{wire.HTTPS}{path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.split(" ")[0]


def tried(lab, name, path, size, expected, tries=TRIES):
    """The same upload, over and over, over h1 and h2."""
    if not shutil.which("curl"):
        raise NotRun("curl is not installed")
    for version in ("http1.1", "http2"):
        said = {}
        for number in range(tries):
            answer = curl(lab, path, size, version, sandbox.client(1 + number % 9))
            said[answer] = said.get(answer, 0) + 1
        right = said.get((0, str(expected)), 0)
        lab.note(f"{name} {version} {right}/{tries}")
        rest = {answer: count for answer, count in said.items() if answer != (0, str(expected))}
        lab.check(right == tries, f"{name} of {size} bytes over {version}: {right} of {tries}, else (exit, status) {rest}")


def guarded(lab):
    """A login, a limit on bodies, a fixed answer, and a page that is missing."""
    lab.start({"limits": {"request_body": "1MiB"}, "routes": [
        {"path": "/login", "auth": {"basic": {"ann": HASHES["ann"]}}}, {"path": "/fixed", "respond": 403}, {}]}, limit=256 * MIB)


@scenario("early-small", 90)
def small_bodies(lab):
    """401, a fixed 403 and the gateway's own early 403 to small uploads: 30 of 30, over h1 and h2."""
    guarded(lab)
    tried(lab, "login", "/login", 3, 401)
    tried(lab, "respond", "/fixed", 3, 403)
    tried(lab, "gateway", "/early/403", 3, 403)


@scenario("early-large", 120)
def large_bodies(lab):
    """The same, and 413, to uploads of 300 KB and 5 MB: all arrive."""
    guarded(lab)
    tried(lab, "limit", "/", 5 * MIB, 413)
    tried(lab, "login", "/login", 300_000, 401, 15)
    tried(lab, "respond", "/fixed", 300_000, 403, 15)
    tried(lab, "gateway", "/early/403", 900_000, 403, 15)


@scenario("early-huge", 90)
def huge_bodies(lab):
    """A 413 to 40 MB, a 403 and the gateway's own to 20 MB: all arrive."""
    guarded(lab)
    tried(lab, "limit", "/", 40 * MIB, 413, 4)
    lab.end()
    lab.start({"routes": [{"path": "/fixed", "respond": 403}, {}]}, limit=256 * MIB)
    tried(lab, "respond", "/fixed", 20 * MIB, 403, 4)
    tried(lab, "gateway", "/early/403", 20 * MIB, 403, 4)


@scenario("early-python", 60)
def python_clients(lab):
    """Python's http.client and h2, which write all of the body before they read: 30 of 30."""
    guarded(lab)
    for path, size, expected in (("/login", 3, 401), ("/fixed", 200_000, 403), ("/", 3 * MIB, 413)):
        for name, way in (("h1", over_h1), ("h2", over_h2)):
            said = {}
            for number in range(TRIES if size < MIB else 10):
                try:
                    answer = way(sandbox.client(1 + number % 9), path, b"a" * size)
                except (OSError, EOFError) as error:
                    answer = type(error).__name__
                said[answer] = said.get(answer, 0) + 1
            lab.note(f"{name} {path} {said}")
            lab.check(list(said) == [expected], f"{name} {path} of {size} bytes: {said}")


def over_h1(source, path, body):
    """All of the body, then the answer."""
    with wire.tls(source, timeout=20) as sock:
        sock.sendall(wire.get(path, f"Content-Length: {len(body)}\r\n", "POST"))
        sock.sendall(body)
        answer = wire.head(sock)
        return answer and answer[0]


def over_h2(source, path, body):
    """All of the body as the windows allow, then the answer; a reset before the answer's end is an error."""
    from h2.connection import H2Connection  # pylint: disable=import-outside-toplevel
    from h2.events import ResponseReceived, StreamEnded, StreamReset  # pylint: disable=import-outside-toplevel
    http, status, left = H2Connection(), None, memoryview(body)
    with wire.tls(source, "h2", timeout=20) as sock:
        http.initiate_connection()
        http.send_headers(1, [(":method", "POST"), (":scheme", "https"), (":authority", f"{wire.NAME}:{wire.HTTPS}"), (":path", path),
                              ("content-length", str(len(body)))])
        while True:
            while left and (room := min(len(left), http.local_flow_control_window(1), http.max_outbound_frame_size)):
                http.send_data(1, bytes(left[:room]), end_stream=room == len(left))
                left = left[room:]
            sock.sendall(http.data_to_send())
            data = sock.recv(65536)
            if not data:
                raise EOFError
            for event in http.receive_data(data):
                if isinstance(event, ResponseReceived):
                    status = int(dict(event.headers)[b":status"])
                elif isinstance(event, StreamReset):
                    return f"reset {event.error_code} after {status}"
                elif isinstance(event, StreamEnded):
                    return status


@scenario("early-drip", 60, h1=1)
def drained_no_longer_than_told(lab):
    """Behind an early answer, a body that stops or drips is waited for no longer than 30 s, one that stops 5 s."""
    guarded(lab)
    for name, drip, most in (("stops", None, 9),):
        sock = wire.tls(sandbox.client(1))
        sock.sendall(wire.get("/fixed", "Content-Length: 900000\r\n", "POST") + b"x" * 70000)
        answer = wire.head(sock)
        lab.check(answer and answer[0] == 403, f"{name}: {answer and answer[0]}")
        seconds = wire.closed_within(sock, most, drip)
        lab.note(f"{name}: ended after {seconds and round(seconds, 1)} s")
        lab.check(seconds is not None, f"a body that {name} is still waited for after {most} s")
