"""The processes beside frontgate: the gateway and the honest clients."""
import http.client, json, subprocess, sys
from pathlib import Path
from lab import gateway

HERE = Path(__file__).resolve().parent.parent


class Worker:
    """A module of the lab in a process of its own, until its input is closed."""

    def __init__(self, module, *words):
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen([sys.executable, "-m", module, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, cwd=HERE)
        if self.process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"{module} did not start")

    def end(self):
        """Ends it."""
        if self.process.poll() is None:
            try:
                self.process.stdin.close()
                self.process.wait(5)
            except (OSError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait()


class Gateway(Worker):
    """The gateway."""

    def __init__(self):
        super().__init__("lab.gateway")

    def order(self, word):
        """stop, start, deafen, hear or stats; answers with the statistics."""
        connection = http.client.HTTPConnection("127.0.0.1", gateway.CONTROL, timeout=10)
        try:
            connection.request("GET", "/" + word)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


class Honest(Worker):
    """The honest clients."""

    def __init__(self, **kinds):
        super().__init__("lab.honest", *(f"{kind}={number}" for kind, number in kinds.items()))

    def mark(self):
        """Forgets what was, so that only what follows counts."""
        self._said("mark")

    def figures(self):
        """What became of each kind's requests since the mark."""
        return self._said("figures")

    def _said(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def unserved(figures, slowest=1000):
    """What the honest clients have to complain about: a list of sentences, empty when they were served."""
    said = []
    for kind, of in figures.items():
        if of["failed"]:
            said.append(f"honest {kind}: {sum(of['failed'].values())} failed ({next(iter(of['failed']))})")
        if not of["answered"]:
            said.append(f"honest {kind}: none answered")
        elif of["p99"] > slowest:
            said.append(f"honest {kind}: p99 {of['p99']:.0f} ms")
    return said


def shown(figures):
    """The latencies of the honest clients on one line."""
    return "honest " + " ".join(f"{kind} {of['p50']:.0f}/{of['p99']:.0f}/{of['max']:.0f}ms" for kind, of in figures.items())
