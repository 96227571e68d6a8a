"""A network namespace with addresses for many clients, and a memory cgroup for frontgate.

Every scenario runs in a namespace of its own, so ports and addresses are the same in each:

    198.51.100.1, fd00::1     frontgate
    203.0.113.N               an IPv4 client; each N counts as a client of its own
    fd00:0:0:N::1             an IPv6 client; each N is a /64 of its own
    10.99.0.9, fd99::9        a host that never answers
    10.99.0.20                the gateway, as 127.0.0.1 is
"""
import os, shutil, socket, subprocess, sys, tempfile
from pathlib import Path

FRONTGATE = "198.51.100.1"
FRONTGATE6 = "fd00::1"
SILENT, SILENT6, LIVE = "10.99.0.9", "fd99::9", "10.99.0.20"
V1, V2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
MIB = 1 << 20


def client(number):
    """The address of the IPv4 client with this number, 1 to 250."""
    return f"203.0.113.{number}"


def client6(number):
    """The address of the IPv6 client with this number, 1 to 250."""
    return f"fd00:0:0:{number:x}::1"


def whatever_is_missing():
    """Why nothing can run here, or None."""
    if os.geteuid() != 0:
        return "it takes root to make network namespaces and memory cgroups"
    for tool in ("unshare", "ip", "mount"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    if subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, check=False).returncode:
        return "network namespaces cannot be made here"
    if not cgroups():
        return "no memory cgroup can be made: neither v1 at /sys/fs/cgroup/memory nor the memory controller of v2"
    return None


def enter(command):
    """`command`, as it is started in a namespace of its own."""
    return ["unshare", "--net", "--mount", "--", *command]


def addresses():
    """Gives the namespace of this process its addresses."""
    # As on a cable: with the 64 KiB packets of `lo` a socket's first window alone would take more than a megabyte.
    lines = ["link set lo mtu 1500 up", f"addr add {FRONTGATE}/32 dev lo", f"addr add {FRONTGATE6}/128 dev lo nodad"]
    for number in range(1, 251):
        lines += [f"addr add {client(number)}/32 dev lo", f"addr add {client6(number)}/128 dev lo nodad"]
    lines += [f"addr add {SILENT}/32 dev lo", f"addr add {LIVE}/32 dev lo", f"addr add {SILENT6}/128 dev lo nodad"]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)


def silence(port):
    """Lets the silent host take no connection at `port` and answer none that is tried, and no question to its name server.

    Where a listener's queue is full the kernel drops what knocks. It lasts as long as what is returned.
    """
    held = []
    for family, address in ((socket.AF_INET, SILENT), (socket.AF_INET6, SILENT6)):
        listener, dns = socket.socket(family), socket.socket(family, socket.SOCK_DGRAM)
        listener.bind((address, port))
        listener.listen(0)
        dns.bind((address, 53))
        held += [listener, dns]
        for _ in range(8):
            knocking = socket.socket(family)
            knocking.settimeout(0.2)
            held.append(knocking)
            try:
                knocking.connect((address, port))
            except TimeoutError:
                break
        else:
            raise RuntimeError(f"{address} does not fall silent")
    return held


def names(lines, nameserver=SILENT):
    """Lets this mount namespace resolve names by `lines` of /etc/hosts; other names are asked for at `nameserver`."""
    files = {"/etc/hosts": "127.0.0.1 localhost\n" + "".join(line + "\n" for line in lines),
             "/etc/resolv.conf": f"nameserver {nameserver}\n"}
    for target, text in files.items():
        target = Path(os.path.realpath(target))
        if target not in MOUNTED:
            with tempfile.TemporaryDirectory() as folder:
                source = Path(folder) / "file"
                source.touch()
                subprocess.run(["mount", "--make-rprivate", "/"], check=True)
                subprocess.run(["mount", "--bind", source, target], check=True)
            MOUNTED.add(target)
        target.write_text(text, encoding="utf-8")


MOUNTED = set()


def cgroups():
    """1 or 2, whichever has a memory controller in which a group can be made; None if neither has."""
    for version in (1, 2):
        try:
            Group(f"probe-{os.getpid()}", 64 * MIB, version).remove()
            return version
        except OSError:
            continue
    return None


class Group:
    """A memory cgroup."""

    def __init__(self, name, limit, version=None):
        self.version = version or cgroups()
        root = V1 if self.version == 1 else V2
        if self.version == 1 and not (root / "memory.limit_in_bytes").exists():
            raise OSError("no cgroup v1")
        if self.version == 2:
            if "memory" not in (root / "cgroup.controllers").read_text().split():
                raise OSError("no memory controller")
            (root / "cgroup.subtree_control").write_text("+memory")
        self.path = root / f"frontgate-attack-{name}"
        self.path.mkdir(exist_ok=True)
        try:
            (self.path / ("memory.limit_in_bytes" if self.version == 1 else "memory.max")).write_text(str(limit))
        except OSError:
            self.path.rmdir()
            raise
        if self.version == 1:
            # Buffers of sockets are counted from the first limit on, however high.
            (self.path / "memory.kmem.tcp.limit_in_bytes").write_text(str(1 << 40))

    def join(self):
        """Moves this process into the group."""
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def usage(self):
        """Bytes that count against the limit, without what the kernel can drop at any time (pages of files)."""
        total = self._number("memory.usage_in_bytes" if self.version == 1 else "memory.current")
        return max(0, total - self._stat("total_inactive_file" if self.version == 1 else "inactive_file"))

    def sockets(self):
        """Bytes in the buffers of sockets. Under v1 they do not count against the limit, under v2 they do."""
        return self._number("memory.kmem.tcp.usage_in_bytes") if self.version == 1 else self._stat("sock")

    def kills(self):
        """How many processes the limit has killed."""
        text = (self.path / ("memory.oom_control" if self.version == 1 else "memory.events")).read_text()
        return int(dict(line.split() for line in text.splitlines()).get("oom_kill", 0))

    def remove(self):
        """Removes the group, which must be empty."""
        if self.path.exists():
            self.path.rmdir()

    def _number(self, name):
        try:
            return int((self.path / name).read_text())
        except OSError:
            return 0

    def _stat(self, name):
        text = (self.path / "memory.stat").read_text()
        return int(dict(line.split() for line in text.splitlines()).get(name, 0))


def not_run(why):
    """Says so, loudly."""
    print(f"!!! NOT RUN: tests/attack: {why}", file=sys.stderr)
