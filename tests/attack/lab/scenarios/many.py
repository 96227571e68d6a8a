"""Many networks at once under 64 MiB: what one of them may take is bounded, and so must be what all of them take together."""
import socket
import time
from lab import h2, sandbox, wire, ws
from lab.frontgate import MIB
from lab.scenario import Stop, scenario
from lab.scenarios.h2_memory import unread

HONEST = {"h1": 2, "h2": 1, "ws": 10}


def outlived(lab, opened, number, what, seconds=20):
    """Opens as many as come in within so many seconds, and judges: it lives, honest clients are served, memory comes back."""
    lab.start(settle=1.5)
    held, refused, end = [], 0, time.monotonic() + seconds
    for each in range(number):
        if time.monotonic() > end or not lab.frontgate.alive():
            break
        try:
            held.append(opened(each))
        except OSError:
            refused += 1
    time.sleep(3)
    peak = lab.frontgate.peak
    lab.note(f"{len(held)} {what}, {refused} refused; cgroup {peak.usage / MIB:.1f} + sockets {peak.sockets / MIB:.1f} MiB of 64, files {peak.files}")
    if not lab.frontgate.alive():
        raise Stop(f"{len(held)} {what}")
    for each in held:
        each.close()
    lab.files_back(spare=12, seconds=10)
    lab.back(8_000_000, 60)


def raw(sock, data):
    """A socket that has sent something, which may not be all of it."""
    sock.settimeout(0.3)
    try:
        sock.sendall(data)
    except TimeoutError:
        pass
    return sock


@scenario("many-h2-unread", 180, alone=True, **HONEST)
def many_h2(lab):
    """100 networks with an h2 connection each that reads none of its answers."""
    outlived(lab, lambda n: unread(1 + n)[0], 100, "h2 connections")


@scenario("many-h2-one-unread", 180, alone=True, **HONEST)
def many_h2_one(lab):
    """700 h2 connections of 100 networks with one unread answer each."""
    outlived(lab, lambda n: unread(1 + n % 100, most=1)[0], 700, "h2 connections")


@scenario("many-h2-silent", 180, alone=True, **HONEST)
def many_streams(lab):
    """100 h2 connections of ten networks, all streams waiting for an answer with a head of 8 KB."""
    def opened(number):
        connection = h2.Http2(sandbox.client(1 + number % 10), timeout=2)
        for _ in range(min(128, connection.streams())):
            connection.request("/silent", fields=[("x-big", h2.noise(8000))])
        return connection
    outlived(lab, opened, 100, "h2 connections")


@scenario("many-ws-unread", 180, alone=True, **HONEST)
def many_websockets(lab):
    """1,000 WebSockets of 20 networks that are sent to and do not read, and that send to a gateway which does not either."""
    message = ws.frame(ws.BINARY, b"x" * 16384) * 8
    def opened(number):
        return raw(ws.connect(sandbox.client(1 + number % 20), ("/ws/push", "/ws/deaf")[number % 2], receive=4096, timeout=2),
                   message if number % 2 else b"")
    outlived(lab, opened, 1000, "WebSockets", 30)


@scenario("many-heads", 180, alone=True, **HONEST)
def many_heads(lab):
    """1,500 heads of 60 KiB of 30 networks, all but their end."""
    start = f"GET / HTTP/1.1\r\nHost: {wire.NAME}\r\n".encode() + b"".join(f"x-{n}: {h2.noise(990)}\r\n".encode() for n in range(60))
    outlived(lab, lambda n: raw(wire.dial(sandbox.client(1 + n % 30), wire.PLAIN, timeout=2), start), 1500, "half heads")


@scenario("many-uploads", 180, alone=True, **HONEST)
def many_uploads(lab):
    """600 uploads of 12 networks into a gateway that reads no body."""
    def opened(number):
        sock = wire.tls(sandbox.client(1 + number % 12), timeout=2)
        return raw(sock, wire.get("/unread", "Content-Length: 10000000\r\n", "POST") + b"x" * 1_000_000)
    outlived(lab, opened, 600, "uploads", 30)


@scenario("many-idle", 180, alone=True, **HONEST)
def many_idle(lab):
    """2,000 TLS connections of 40 networks after one request each."""
    def opened(number):
        sock = wire.tls(sandbox.client(1 + number % 40), timeout=2)
        sock.sendall(wire.get("/"))
        wire.head(sock)
        return sock
    outlived(lab, opened, 2000, "connections", 30)


@scenario("ws-no-answer", 60, h1=1)
def upgrades_without_an_answer(lab):
    """Upgrades that the gateway does not answer, with megabytes behind the handshake: 96 KiB each, and gone with their clients."""
    lab.start(limit=512 * MIB)
    socks = []
    for number in range(50):
        sock = wire.tls(sandbox.client(1 + number % 5))
        socks.append(raw(sock, wire.get("/unread", ws.UPGRADE.format(ws.KEY)) + ws.frame(ws.BINARY, b"x" * 60000) * 20))
    time.sleep(1)
    lab.note(f"{lab.gateway.order('stats')['open']} connections at the gateway")
    lab.memory(96 * 1024, each=50)
    for sock in socks:
        # With a reset. The end of a stream waits in the client's kernel behind what is not taken: only that kernel finds out that its
        # program is gone, in two or three minutes.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
    lab.files_back(seconds=10)


@scenario("expect-continue", 60, h1=1)
def expectations(lab):
    """`Expect: 100-continue` and no body after that: ended by `progress`."""
    from lab.scenarios.progress import short  # pylint: disable=import-outside-toplevel
    lab.start(short())
    sock = wire.tls(sandbox.client(1))
    sock.sendall(wire.get("/", "Content-Length: 1000\r\nExpect: 100-continue\r\n", "POST"))
    seconds = wire.closed_within(sock, 12)
    lab.note(f"ended after {seconds and round(seconds, 1)} s")
    lab.check(seconds is not None, "still waited for after 12 s, progress is 3 s")
