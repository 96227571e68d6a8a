"""Answers that come before the request's body (RFC 9112 §9.3, RFC 9113 §8.1): curl and httpx get them, however much they still send."""
import shutil, subprocess, tempfile
from pathlib import Path

from .frontgate import NAME, Frontgate
from .recorder import Recorder

NEEDS = ["httpx==0.28.1", "h2==4.3.0"]
LACKS = "" if shutil.which("curl") else "curl is not installed"
KNOWN = {}
MIB = 1 << 20
# Path, bytes of the body, and the status that does not wait for it.
CASES = [("/refused", 3, 403), ("/refused", 300_000, 403), ("/refused", 900_000, 403), ("/", 3 * MIB, 413)]
# Whether an answer arrives is a matter of who is faster.
TRIES = 5


def run(report):
    """Runs the suite."""
    routes = [{"path": "/refused", "respond": 403}, {}]
    with Frontgate(f"http://127.0.0.1:{Recorder().port}", limits={"request_body": "1MiB"}, routes=routes) as running, \
            tempfile.TemporaryDirectory() as folder:
        for path, size, expected in CASES:
            for name, ask in (("curl", curl), ("httpx", httpx_post)):
                for version in ("1.1", "2"):
                    said = {}
                    for _ in range(TRIES):
                        got = ask(running, Path(folder), path, size, version)
                        said[got] = said.get(got, 0) + 1
                    wrong = "" if list(said) == [expected] else f"{said}, expected {expected}"
                    report.case(f"{name} over HTTP/{version}, {expected} to {size} bytes", wrong)
        if not running.alive():
            report.case("frontgate still runs", running.said()[-500:])


def curl(running, folder, path, size, version):
    """The status, or how curl has failed."""
    body = folder / f"body-{size}"
    body.write_bytes(b"a" * size)
    done = subprocess.run(["curl", "-s", "--cacert", running.authority, "--resolve", f"{NAME}:{running.port}:127.0.0.1", f"--http{version}", "-m", "30",
                           "-H", "Expect:", "--data-binary", f"@{body}", "-o", folder / "answer", "-w", "%{http_version} %{http_code}",
                           f"https://{NAME}:{running.port}{path}"], capture_output=True, text=True, check=False)
    spoken, _, status = done.stdout.partition(" ")
    return int(status) if done.returncode == 0 and spoken == version else f"exit {done.returncode}, HTTP/{spoken}, {status}"


def httpx_post(running, _, path, size, version):
    """The status, or how httpx has failed."""
    import httpx  # pylint: disable=import-outside-toplevel
    with httpx.Client(verify=running.tls(), http1=version == "1.1", http2=version == "2", timeout=30) as client:
        try:
            answer = client.post(f"https://127.0.0.1:{running.port}{path}", content=b"a" * size, headers={"Host": NAME},
                                 extensions={"sni_hostname": NAME})
        except httpx.HTTPError as error:
            return type(error).__name__
        return answer.status_code if answer.http_version == f"HTTP/{version}" else answer.http_version
