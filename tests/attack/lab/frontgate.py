"""The real frontgate under its limits, and what it takes of memory, files and tasks."""
import fcntl, http.client, json, os, re, resource, signal, subprocess, threading, time
from functools import cache
from pathlib import Path
from lab import sandbox, wire

ROOT = Path(__file__).resolve().parents[3]
BINARY = os.environ.get("FRONTGATE_BIN") or str(Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/frontgate")
ADMIN = ("127.0.0.1", 9180)
# Any other variable of that prefix would be an error of the configuration.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("FRONTGATE_")}
MIB = 1 << 20
F_SETPIPE_SZ = 1031


@cache
def schema():
    """The JSON Schema of the configuration of this very binary."""
    return json.loads(subprocess.run([BINARY, "schema"], capture_output=True, check=True, env=ENVIRONMENT).stdout)


def knows(key):
    """Whether the binary knows a key of the configuration, such as `timeouts.progress`."""
    node = schema()
    for name in key.split("."):
        node = next((found for found in (kind.get("properties", {}).get(name) for kind in kinds(node)) if found is not None), None)
        if node is None:
            return False
    return True


def kinds(node):
    """A schema and all that it refers to or chooses from."""
    yield node
    if "$ref" in node:
        target = schema()
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        yield from kinds(target)
    for word in ("anyOf", "oneOf", "allOf"):
        for each in node.get(word, []):
            yield from kinds(each)


class Frontgate:
    """A running frontgate."""

    def __init__(self, folder, name, config, limit=64 * MIB, files=16384, pipe=False, https=True):
        self.folder, self.group = Path(folder), sandbox.Group(f"{os.getpid()}-{name}", limit)
        self.config, self.log = self.folder / "frontgate.yaml", self.folder / "log"
        self.base = {
            "listen": {"https": [f"{sandbox.FRONTGATE}:{wire.HTTPS}", f"[{sandbox.FRONTGATE6}]:{wire.HTTPS}"] if https else [],
                       "plain": [f"{sandbox.FRONTGATE}:{wire.PLAIN}", f"[{sandbox.FRONTGATE6}]:{wire.PLAIN}"]},
            "tls": {"names": [wire.NAME]}, "state_dir": str(self.folder / "state"),
            "upstream": "http://127.0.0.1:18789", "admin": "%s:%d" % ADMIN, "log": {"format": "json"},
        }
        self.write(config)
        self.pipe, out = self._pipe() if pipe else (None, self.log.open("wb"))

        def limited():
            self.group.join()
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

        # pylint: disable-next=consider-using-with,subprocess-popen-preexec-fn
        self.process = subprocess.Popen([BINARY, "-c", self.config], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                        preexec_fn=limited, cwd=self.folder, env=ENVIRONMENT)
        out.close()
        self.pid, self.peak, self._watching = self.process.pid, Sample(), False
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self.wait_ready()

    @staticmethod
    def _pipe():
        """The smallest pipe there is: both ends."""
        reads, writes = os.pipe()
        fcntl.fcntl(writes, F_SETPIPE_SZ, 4096)
        return os.fdopen(reads, "rb"), os.fdopen(writes, "wb")

    def write(self, config):
        """Writes the configuration, as JSON, which is YAML; a `None` leaves a section out."""
        merged = {key: value for key, value in {**self.base, **config}.items() if value is not None}
        self.config.write_text(json.dumps(merged, indent=1), encoding="utf-8")

    def wait_ready(self, seconds=20):
        """Waits until it serves."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"frontgate did not start: {self.said()[-1500:]}")
            try:
                if self.admin("/livez")[0] == 200:
                    wire.dial(sandbox.client(250), wire.HTTPS if self.base["listen"]["https"] else wire.PLAIN).close()
                    return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("frontgate does not serve")

    def admin(self, path, method="GET", timeout=10):
        """Asks the admin listener: (status, text)."""
        connection = http.client.HTTPConnection(*ADMIN, timeout=timeout)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def metric(self, name, text=None):
        """A number of /metrics, summed over its labels."""
        text = text if text is not None else self.admin("/metrics")[1]
        found = re.findall(rf"^frontgate_{name}(?:\{{[^}}]*\}})? ([0-9.e+]+)$", text, re.M)
        return sum(float(value) for value in found)

    def sample(self, tasks=True):
        """What it takes at this moment."""
        rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text(encoding="utf-8")
        # Pages of the program's file are not what a peer can grow, and come with the first use of a function.
        pss = sum(int(re.search(rf"^{name}:\s+(\d+)", rollup, re.M)[1]) for name in ("Pss_Anon", "Pss_Shmem")) * 1024
        files = len(os.listdir(f"/proc/{self.pid}/fd"))
        count = -1
        if tasks:
            try:
                count = int(self.metric("tasks"))
            except OSError:
                pass
        return Sample(pss, self.group.usage(), self.group.sockets(), files, count)

    def watch(self):
        """Begins to remember the peak. `self.peak` has it, piece by piece."""
        self.peak = self.sample()
        if not self._watching:
            self._watching = True
            self._watcher.start()

    def _watch(self):
        while self._watching and self.process.poll() is None:
            try:
                self.peak = self.peak.most(self.sample(tasks=False))
            except (OSError, TypeError):
                pass
            time.sleep(0.15)

    def settled(self, target, seconds, key="pss"):
        """Waits until `key` of the sample is no more than `target`: (the last sample, seconds it took)."""
        began = time.monotonic()
        while True:
            sample, passed = self.sample(tasks=False), time.monotonic() - began
            if getattr(sample, key) <= target or passed > seconds:
                return sample, passed
            time.sleep(0.25)

    def cpu(self):
        """Seconds of processor time it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def alive(self):
        """Whether it still runs and was not killed for its memory."""
        return self.process.poll() is None and not self.group.kills()

    def said(self):
        """What it has logged."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def terminate(self, seconds):
        """SIGTERM: seconds until it has ended, None if it has not by then."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
            return time.monotonic() - began
        except subprocess.TimeoutExpired:
            return None

    def kill(self):
        """Ends it for good."""
        self._watching = False
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.pipe:
            self.pipe.close()
        for _ in range(50):
            try:
                return self.group.remove()
            except OSError:
                time.sleep(0.05)
        return None


class Sample:
    """What frontgate takes: its own memory, what its cgroup counts, what its sockets hold, files, tasks."""

    def __init__(self, pss=0, usage=0, sockets=0, files=0, tasks=0):
        self.pss, self.usage, self.sockets, self.files, self.tasks = pss, usage, sockets, files, tasks

    def most(self, other):
        """The greater of each."""
        return Sample(*(max(pair) for pair in zip(self.values(), other.values())))

    def values(self):
        """As numbers."""
        return self.pss, self.usage, self.sockets, self.files, self.tasks

    def __sub__(self, other):
        return Sample(*(mine - its for mine, its in zip(self.values(), other.values())))

    def __str__(self):
        return (f"pss {self.pss / MIB:.1f} cgroup {self.usage / MIB:.1f} sockets {self.sockets / MIB:.1f} MiB "
                f"files {self.files} tasks {self.tasks}")
