"""TLS once more: what testssl.sh finds, which speaks through an OpenSSL (on request only: it takes some minutes).

Each finding is a case. Those that testssl.sh calls worse than LOW fail; it knows the local authority."""
import json, shutil, socket, subprocess, tempfile
from pathlib import Path

from .frontgate import NAME, Frontgate

NEEDS = []
# Its name on Debian, and its own.
PROGRAM = shutil.which("testssl") or shutil.which("testssl.sh")
LACKS = "" if PROGRAM else "testssl.sh is not installed (on Debian: testssl.sh)"
BAD = ("MEDIUM", "HIGH", "CRITICAL", "FATAL")
KNOWN = {
    "cipher_order": "clients choose among the suites, which are all of Mozilla's intermediate profile; that profile asks for their choice",
    "cert_revocation": "certificates of the local authority name no list of revoked ones: there is nothing that could revoke one",
}


def run(report):
    """Runs the suite."""
    with socket.create_server(("127.0.0.1", 0)) as gateway, Frontgate(f"http://127.0.0.1:{gateway.getsockname()[1]}", hold="off") as running, \
            tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "found.json"
        command = [PROGRAM, "--quiet", "--color", "0", "--warnings", "off", "--sneaky", "--nodns", "min", "--add-ca", running.authority,
                   "--ip", "127.0.0.1", "--jsonfile", found, f"{NAME}:{running.port}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, cwd=folder, stdin=subprocess.DEVNULL)
        findings = json.loads(found.read_text(encoding="utf-8") or "[]") if found.exists() else []
        if len(findings) < 50:
            report.case("testssl.sh has a result", f"{len(findings)} findings; {(done.stdout + done.stderr)[-800:]}")
            return
        worst = {}
        for finding in findings:
            name, severity = finding["id"].split(" <")[0], finding["severity"]
            if name not in worst or severity in BAD:
                worst[name] = f"{severity}: {finding['finding']}" if severity in BAD else ""
        for name, wrong in worst.items():
            report.case(name, wrong)
        if not running.alive():
            report.case("frontgate still runs", running.said()[-500:])
