"""The real frontgate, at a free port of loopback."""
import json, os, socket, ssl, subprocess, tempfile, time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
NAME = "frontgate.test"
# Any other variable of that prefix would be an error of the configuration.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("FRONTGATE_")}


def binary():
    """Where the binary is; None if there is none."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    asked = os.environ.get("FRONTGATE_BIN")
    places = [Path(asked)] if asked else [target / "debug/frontgate", target / "release/frontgate"]
    return next((place.resolve() for place in places if os.access(place, os.X_OK)), None)


class Frontgate:
    """A running frontgate in front of one gateway; ends with the `with` block."""

    def __init__(self, upstream, **config):
        # pylint: disable-next=consider-using-with
        self._folder = tempfile.TemporaryDirectory(prefix="frontgate-conformance-")
        folder = Path(self._folder.name)
        self._log = folder / "log"
        whole = {"listen": {"https": ["127.0.0.1:0"]}, "tls": {"names": [NAME]}, "state_dir": str(folder / "state"), "upstream": upstream,
                 "admin": "off", "log": {"format": "json"}, **config}
        (folder / "frontgate.yaml").write_text(json.dumps(whole), encoding="utf-8")
        with self._log.open("wb") as log:
            # pylint: disable-next=consider-using-with
            self.process = subprocess.Popen([binary(), "-c", folder / "frontgate.yaml"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=folder, env=ENVIRONMENT)
        self.authority = folder / "state/ca.pem"
        self.port = self._listening()

    def _listening(self, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            for line in self.said().splitlines():
                if line.startswith("{") and '"listening"' in line and line.endswith("}"):
                    event = json.loads(line)
                    if event.get("purpose") == "https":
                        return int(event["address"].rsplit(":", 1)[1])
            time.sleep(0.02)
        said = self.said()
        self.__exit__()
        raise RuntimeError(f"frontgate did not start: {said[-1500:]}")

    def said(self):
        """What it has logged."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def tls(self, *protocols):
        """What a client needs to trust it, and to speak one of the protocols (ALPN)."""
        context = ssl.create_default_context(cafile=str(self.authority))
        # The certificate of a local authority says less of its issuer than newer Pythons want to hear.
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context

    def dial(self, *protocols, timeout=10):
        """A connection with TLS."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.tls(*protocols).wrap_socket(plain, server_hostname=NAME)

    def alive(self):
        """Whether it still runs."""
        return self.process.poll() is None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.alive():
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self._folder.cleanup()
