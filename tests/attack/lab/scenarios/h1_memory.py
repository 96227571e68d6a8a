"""Memory that HTTP/1 connections can take."""
import time
from lab import sandbox, wire
from lab.frontgate import MIB
from lab.h2 import noise
from lab.scenario import scenario
from lab.scenarios.progress import short


def readers(number, path="/bytes/1048576", receive=4096):
    """Slow readers from ten addresses."""
    made = []
    for each in range(number):
        sock = wire.tls(sandbox.client(1 + each % 10), receive=receive)
        sock.sendall(wire.get(path))
        made.append(sock)
    return made


@scenario("h1-slow-64mib", 90, alone=True, h1=2, h2=2, ws=20)
def slow_readers_in_64_mib(lab):
    """The same in 64 MiB: no kill, and the honest clients are served."""
    lab.start(settle=1.5)
    connections, end = [], time.monotonic() + 20
    for each in range(1000):
        if time.monotonic() > end or not lab.frontgate.alive():
            break
        try:
            sock = wire.tls(sandbox.client(1 + each % 10), receive=4096, timeout=1)
            sock.sendall(wire.get("/bytes/1048576"))
            connections.append(sock)
        except OSError:
            pass
    time.sleep(5)
    peak = lab.frontgate.peak
    lab.note(f"{len(connections)} connected, cgroup {peak.usage / MIB:.1f} + sockets {peak.sockets / MIB:.1f} MiB of 64")
    for sock in connections:
        sock.close()
    if lab.frontgate.alive():
        lab.back(5_000_000, 60)


@scenario("h1-heads", 60, h1=1)
def large_heads(lab):
    """Five hundred heads of 60 KiB, all but their end: no kill in 64 MiB, and others are served."""
    lab.start()
    connections, refused = [], 0
    start = f"GET / HTTP/1.1\r\nHost: {wire.NAME}:{wire.HTTPS}\r\n".encode() + b"".join(f"x-{n}: {noise(990)}\r\n".encode() for n in range(60))
    for each in range(500):
        try:
            sock = wire.tls(sandbox.client(1 + each % 2), timeout=2)
            sock.sendall(start)
            connections.append(sock)
        except OSError:
            refused += 1
    time.sleep(2)
    lab.note(f"{len(connections)} heads, {refused} refused")
    grown = lab.grown()
    lab.note(f"pss +{grown.pss / MIB:.1f} cgroup +{grown.usage / MIB:.1f} MiB")
    for sock in connections:
        sock.close()
    if lab.frontgate.alive():
        lab.back(8_000_000, 20)


@scenario("h1-waiting", 60, h1=1)
def waiting_requests(lab):
    """Five hundred requests with heads of 30 KiB wait for an answer: a waiting request keeps of its head what would be sent again (64 KiB each)."""
    lab.start(limit=512 * MIB)
    fields = "".join(f"x-{n}: {noise(990)}\r\n" for n in range(30))
    connections = []
    for each in range(500):
        sock = wire.tls(sandbox.client(1 + each % 5), timeout=5)
        sock.sendall(wire.get("/silent", fields))
        connections.append(sock)
    time.sleep(2)
    lab.memory(64 * 1024, each=500)
    for sock in connections:
        sock.close()
    lab.files_back()


@scenario("h1-pipelining", 60, h1=2, ws=2)
def pipelined(lab):
    """Thousands of pipelined requests whose answers are not read: at most 128 KiB a connection."""
    lab.start(limit=256 * MIB)
    connections, sent = [], 0
    for _ in range(50):
        sock = wire.tls(sandbox.client(1), receive=4096)
        sock.settimeout(0.2)
        try:
            for _ in range(100):
                sock.sendall(wire.get("/bytes/1000") * 100)
                sent += 100
        except OSError:
            pass
        connections.append(sock)
    time.sleep(2)
    lab.note(f"{sent} requests taken on 50 connections")
    lab.memory(128 * 1024, each=50)
    for sock in connections:
        sock.close()
    lab.files_back()


@scenario("h1-chunks", 60, h1=1)
def small_chunks(lab):
    """Bodies in chunks of a byte, with extensions, with endless trailers, into a gateway that does not read: bounded."""
    lab.start(short(send="4s"), limit=256 * MIB)
    connections, taken = [], 0
    kinds = (b"1\r\nx\r\n" * 2000, b"1;" + b"e" * 200 + b"\r\nx\r\n", b"0\r\n" + b"X-T: " + b"t" * 1000 + b"\r\n")
    for number in range(60):
        sock = wire.tls(sandbox.client(1))
        sock.settimeout(0.2)
        try:
            sock.sendall(wire.get("/unread", "Transfer-Encoding: chunked\r\n", "POST"))
            for _ in range(300):
                sock.sendall(kinds[number % 3])
                taken += len(kinds[number % 3])
                if kinds[number % 3].startswith(b"0"):
                    sock.sendall(b"X-U: " + b"u" * 1000 + b"\r\n")
        except OSError:
            pass
        connections.append(sock)
    time.sleep(1)
    lab.note(f"{taken / MIB:.1f} MiB taken on 60 connections")
    lab.memory(128 * 1024, each=60)
    for sock in connections:
        sock.close()
    lab.files_back(seconds=12)
