"""Every kind of attack as one function, for the hour: `python3 -m lab.attackers KIND SEED SECONDS`.

Each bounds what it sends, so that it is frontgate that is tried and not the machine's two processors.
"""
import os, random, struct, sys, time
from lab import h2, sandbox, wire, ws
from lab.scenarios.h2_memory import unread
from lab.scenarios.places import crowd
from lab.scenarios.tls import client_hello, record

KINDS = {}


def kind(function):
    """Registers a kind."""
    KINDS[function.__name__.replace("_", "-")] = function
    return function


class Chance(random.Random):
    """Chance, and how long the attack lasts."""

    def __init__(self, seed, seconds):
        super().__init__(seed)
        self.end, self.number = time.monotonic() + seconds, self.randint(1, 60)

    @property
    def source(self):
        """An address of one of the attacker's clients."""
        return sandbox.client(self.number)

    def left(self):
        """Seconds left."""
        return max(0.0, self.end - time.monotonic())

    def wait(self, most=1.0):
        """Waits a little; False when it is over."""
        time.sleep(min(self.left(), self.uniform(0, most)))
        return self.left() > 0


def stay(chance, held):
    """Holds on to the end, and leaves one way or the other."""
    time.sleep(chance.left())
    for each in held:
        try:
            each.close()
        except OSError:
            pass


@kind
def unread_answers(chance):
    """An h2 connection that reads nothing."""
    stay(chance, [unread(chance.number, chance.choice(["/bytes/4000000", "/endless", "/bytes/100000"]), chance.randint(10, 256))[0]])


@kind
def hpack_bombs(chance):
    """Heads that repeat what is remembered."""
    connection = h2.Http2(chance.source, window=h2.LARGEST)
    size, most = chance.choice([(0, 1900), (3900, 12), (200, 200), (3900, 300)])
    block = h2.indexed("x", h2.noise(size))
    for number in range(min(connection.streams(), chance.randint(20, 256))):
        connection.request(block=h2.head("/silent") + (block if not number else b"") + b"\xbe" * most)
    stay(chance, [connection])


def flooding(chance, make, most=1500):
    """A flood at a bounded rate."""
    h2.flood(chance.source, make, chance.left(), chance.randint(100, most), reads=chance.random() < 0.5)


@kind
def rapid_reset(chance):
    """Requests that are reset."""
    def make(connection):
        stream = connection.next
        connection.next += 2
        connection.send(h2.frame(h2.HEADERS, 5, stream, h2.head(chance.choice(["/", "/silent", "/bytes/100000"])))
                        + h2.frame(h2.RST_STREAM, 0, stream, b"\0\0\0\x08"))
    flooding(chance, make)


@kind
def strange_frames(chance):
    """Control frames, unknown ones, broken ones."""
    def make(connection):
        stream = connection.next
        connection.next += 2
        connection.send(chance.choice([
            h2.frame(h2.SETTINGS, 0, 0), h2.frame(h2.PING, 0, 0, b"12345678"), h2.frame(h2.PRIORITY, 0, stream, b"\0\0\0\1\1"),
            h2.frame(h2.WINDOW_UPDATE, 0, 0, struct.pack("!I", 1)), h2.frame(0xEE, 0, 0, b"x" * 50),
            h2.frame(h2.HEADERS, 5, stream, h2.head()) + h2.frame(h2.WINDOW_UPDATE, 0, stream, b"\0\0\0\0"),
            h2.frame(h2.HEADERS, 4, stream, h2.head("/", "POST")) + h2.frame(h2.DATA, 0, stream) * 20,
            h2.frame(chance.randint(0, 12), chance.randint(0, 255), chance.randint(0, 9), os.urandom(chance.randint(0, 40)))]))
    flooding(chance, make, 1000)


@kind
def continuations(chance):
    """Heads without an end."""
    while chance.wait():
        try:
            connection = h2.Http2(chance.source, timeout=2)
            connection.send(h2.frame(h2.HEADERS, 0, 1, h2.head()))
            for _ in range(400):
                connection.send(h2.frame(h2.CONTINUATION, 0, 1, chance.choice([b"", b"\x82", b"\0" + h2.text("x") + h2.text(h2.noise(4000))])))
        except OSError:
            pass


@kind
def small_windows(chance):
    """Windows of a byte."""
    connection = h2.Http2(chance.source, window=0, connection_window=1 << 20)
    streams = [connection.request("/bytes/1000000") for _ in range(min(100, connection.streams()))]
    while chance.wait(0.2) and not connection.gone:
        connection.send(b"".join(h2.frame(h2.WINDOW_UPDATE, 0, stream, b"\0\0\0\1") for stream in streams))
        connection.poll(0.01)


@kind
def slow_readers(chance):
    """Answers that are not taken, or in bites."""
    socks = []
    for _ in range(chance.randint(10, 150)):
        sock = wire.tls(chance.source, receive=4096, timeout=3)
        sock.sendall(wire.get(chance.choice(["/bytes/1048576", "/endless", "/events"])))
        socks.append(sock)
    while chance.wait(2):
        for sock in socks[:20]:
            sock.settimeout(0.05)
            sock.recv(100)
    stay(chance, socks)


@kind
def uploads(chance):
    """Uploads that drip, that stop, or that the gateway does not read."""
    connection = h2.Http2(chance.source)
    streams = [connection.request(chance.choice(["/", "/unread", "/early/403"]), "POST", end=False) for _ in range(min(100, connection.streams()))]
    sock = wire.tls(chance.source)
    sock.sendall(wire.get("/unread", "Transfer-Encoding: chunked\r\n", "POST"))
    while chance.wait() and not connection.gone:
        connection.send(b"".join(h2.frame(h2.DATA, 0, stream, b"x") for stream in chance.sample(streams, len(streams) // 2)
                                 if stream not in connection.reset and stream not in connection.ended))
        sock.sendall(b"1;" + b"e" * 100 + b"\r\nx\r\n")
        connection.poll(0.05)


@kind
def silent_connections(chance):
    """Connections that say nothing, or half a word."""
    stay(chance, crowd(chance.randint(20, 300), chance.choice([wire.HTTPS, wire.PLAIN]), chance.number,
                       chance.choice([None, b"G", b"\r\n", b"GET / HTTP/1.1\r\nX: ", client_hello()[:200]])))


@kind
def broken_handshakes(chance):
    """Hellos that end early, and records that mean nothing."""
    hello = client_hello()
    while chance.wait(0.1):
        with wire.dial(chance.source, timeout=2) as sock:
            try:
                sock.sendall(chance.choice([hello[:chance.randint(1, len(hello))], record(22, os.urandom(1000)), record(23, b"x"), os.urandom(50)]))
                if chance.random() < 0.3:
                    sock.recv(10)
            except OSError:
                pass


@kind
def handshakes(chance):
    """Whole handshakes, and nothing more."""
    while chance.wait(0.04):
        wire.tls(chance.source, chance.choice(["h2", "http/1.1"])).close()


@kind
def pipelines(chance):
    """Requests, one behind the other, whose answers are not read."""
    socks = []
    while chance.wait(0.5) and len(socks) < 30:
        sock = wire.tls(chance.source, receive=4096)
        socks.append(sock)
        sock.settimeout(0.3)
        try:
            for _ in range(30):
                sock.sendall(wire.get("/bytes/1000") * 50)
        except OSError:
            pass
    stay(chance, socks)


@kind
def websockets(chance):
    """WebSockets of which one side does not read, or that ping, or that are cut in the middle of a frame."""
    socks, piece = [], chance.choice([ws.frame(ws.BINARY, b"x" * 16384), ws.frame(ws.PING, b"x") * 50, ws.frame(ws.BINARY, b"x", final=False)
                                      + ws.frame(ws.CONTINUATION, b"", final=False) * 50, ws.frame(ws.BINARY, b"x" * 1000)[:500]])
    path = chance.choice(["/ws/push", "/ws/deaf", "/ws"])
    while chance.wait(0.2):
        if len(socks) < 60:
            socks.append(ws.connect(chance.source, path, receive=4096))
        sock = chance.choice(socks)
        sock.settimeout(0.05)
        try:
            for _ in range(10):
                sock.sendall(piece)
        except OSError:
            socks.remove(sock)
            sock.close()
            if not socks:
                socks.append(ws.connect(chance.source, path, receive=4096))
    stay(chance, socks)


@kind
def hangups(chance):
    """Requests on which the gateway hangs up."""
    while chance.wait(0.5):
        wire.ask(chance.source, chance.choice(["/hangup", "/half", "/fields/400000", "/early/403"]), method=chance.choice(["GET", "POST"]), timeout=5)


@kind
def early_answers(chance):
    """Large uploads that are refused at once."""
    while chance.wait(1):
        with wire.tls(chance.source, timeout=3) as sock:
            try:
                sock.sendall(wire.get("/fixed", "Content-Length: 3000000\r\n", "POST"))
                for _ in range(chance.randint(1, 40)):
                    sock.sendall(b"x" * 65536)
                wire.head(sock)
            except OSError:
                pass


@kind
def slow_heads(chance):
    """Heads that drip."""
    socks = crowd(chance.randint(10, 80), wire.PLAIN, chance.number, b"GET / HTTP/1.1\r\n")
    while chance.wait(1) and socks:
        for sock in list(socks):
            try:
                sock.sendall(chance.choice([b"X: y\r\n", b"\r\n" if chance.random() < 0.01 else b"Y: z\r\n", b"q"]))
            except OSError:
                socks.remove(sock)
    stay(chance, socks)


def main(name, seed, seconds):
    """One attack."""
    os.nice(5)
    try:
        KINDS[name](Chance(int(seed), float(seconds)))
    except OSError:
        # frontgate has ended the attack's connection, as it should.
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
