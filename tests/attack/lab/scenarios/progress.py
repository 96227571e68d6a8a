"""Bodies and answers that do not go on."""
import socket, time
from lab import h2, sandbox, wire
from lab.frontgate import knows
from lab.scenario import scenario


def short(**more):
    """Timeouts of some seconds; a binary without `progress` gets what it has."""
    key = "progress" if knows("timeouts.progress") else "send"
    return {"timeouts": {key: "3s", **more}}


@scenario("download-h1", 60, h1=1)
def downloads_that_take_nothing(lab):
    """A client that takes nothing of its answer is cut after `progress`, and so is the gateway's connection."""
    lab.start(short())
    socks = []
    for number in range(4):
        sock = wire.tls(sandbox.client(1 + number), receive=4096)
        sock.sendall(wire.get("/bytes/50000000" if number % 2 else "/endless"))
        socks.append(sock)
    gone(lab, 4, 12)
    for sock in socks:
        sock.close()


@scenario("download-h2", 60, h1=1)
def downloads_over_h2(lab):
    """The same over HTTP/2: without windows, and with windows but without reading; and other streams go on."""
    lab.start(short())
    closed = h2.Http2(sandbox.client(1), window=1000)
    for _ in range(5):
        closed.request("/bytes/50000000")
    unread = h2.Http2(sandbox.client(2), window=h2.LARGEST, connection_window=h2.LARGEST - 65535, receive=4096)
    for _ in range(5):
        unread.request("/endless")
    closed.poll(1)
    gone(lab, 10, 12)
    closed.poll(1)
    lab.note(f"closed windows: {len(closed.reset)} of 5 reset, gone: {closed.gone}")
    if not closed.gone:
        stream = closed.request("/")
        closed.poll(3, until=lambda: stream in closed.ended)
        lab.check(stream in closed.ended, "another stream of that connection is not answered")


def gone(lab, number, seconds):
    """Waits until the gateway is rid of the connections for stalled requests."""
    began = time.monotonic()
    time.sleep(1)
    first = lab.gateway.order("stats")["open"]
    lab.check(first >= number, f"only {first} connections at the gateway")
    while time.monotonic() - began < seconds:
        left = lab.gateway.order("stats")["open"]
        # The honest client has one or two.
        if left <= 2:
            break
        time.sleep(0.2)
    lab.note(f"gateway's connections {first} -> {left} after {time.monotonic() - began:.1f} s, progress is 3 s")
    lab.check(left <= 2, f"{left} connections to the gateway are still held after {seconds} s")


@scenario("download-drip", 60, h1=1)
def dripping_downloads(lab):
    """A client that takes an answer in small bites is no fault: it is not cut."""
    lab.start(short())
    sock = wire.tls(sandbox.client(1), receive=4096)
    sock.sendall(wire.get("/bytes/3000000"))
    got, end = 0, time.monotonic() + 8
    while time.monotonic() < end:
        data = sock.recv(65536)
        if not data:
            break
        got += len(data)
        time.sleep(0.2)
    lab.note(f"{got} bytes in 8 s")
    lab.check(time.monotonic() >= end or got >= 3000000, f"cut after {got} bytes, though it took some all the time")


@scenario("upload-stalls", 60, h1=1)
def uploads_that_stop(lab):
    """An upload that stops ends after `progress`, over h1 and h2, with a length and in chunks."""
    lab.start(short())
    socks = {}
    for name, field in (("length", "Content-Length: 1000000\r\n"), ("chunks", "Transfer-Encoding: chunked\r\n")):
        sock = wire.tls(sandbox.client(1))
        sock.sendall(wire.get("/", field, "POST") + (b"5\r\nhello\r\n" if name == "chunks" else b"hello"))
        socks[name] = h2.aside(wire.closed_within, sock, 12)
    connection = h2.Http2(sandbox.client(2))
    stream = connection.request("/", "POST", end=False)
    connection.send(h2.frame(h2.DATA, 0, stream, b"hello"))
    began = time.monotonic()
    connection.poll(12, until=lambda: stream in connection.reset or stream in connection.ended)
    over = stream in connection.reset or stream in connection.ended or connection.gone
    lab.note(f"h2 {time.monotonic() - began:.1f} s")
    lab.check(over, "an h2 upload that stopped is still waited for after 12 s")
    for name, aside in socks.items():
        seconds = aside.result()
        lab.note(f"h1 {name} {seconds and round(seconds, 1)} s")
        lab.check(seconds is not None, f"an h1 upload ({name}) that stopped is still waited for after 12 s")
    left = lab.gateway.order("stats")["open"]
    lab.check(left <= 2, f"{left} connections to the gateway are still held")


@scenario("upload-time", 60)
def read_does_not_count_the_upload(lab):
    """`timeouts.read: 2s` and an upload of 5 s: 200, over h1 and h2."""
    lab.start({"timeouts": {"read": "2s"}})
    sock = wire.tls(sandbox.client(1))
    sock.sendall(wire.get("/", "Content-Length: 11\r\n", "POST"))
    connection = h2.Http2(sandbox.client(2))
    stream = connection.request("/", "POST", end=False)
    for _ in range(10):
        time.sleep(0.5)
        try:
            sock.sendall(b"x")
            connection.send(h2.frame(h2.DATA, 0, stream, b"x"))
        except OSError:
            break
    try:
        sock.sendall(b"x")
        connection.send(h2.frame(h2.DATA, h2.END_STREAM, stream, b"x"))
    except OSError as error:
        lab.note(str(error))
    answer = wire.head(sock)
    connection.poll(3, until=lambda: stream in connection.ended)
    lab.check(answer and answer[0] == 200, f"h1: {answer and answer[0]}")
    lab.check(connection.statuses.get(stream) == 200, f"h2: {connection.statuses.get(stream)}")


@scenario("read-silent", 60)
def a_silent_gateway(lab):
    """A gateway that says nothing for `read: 2s` costs a 504 then, also behind an upload."""
    lab.start({"timeouts": {"read": "2s"}})
    for name, method, body in (("GET", "GET", b""), ("POST", "POST", b"hello")):
        status, seconds = wire.ask(sandbox.client(1), "/slow/8", method=method, body=body, timeout=15)
        lab.note(f"{name} {status} after {seconds:.1f} s")
        lab.check(status == 504 and seconds < 6, f"{name}: {status} after {seconds:.1f} s")


@scenario("uploads-drip", 90, h1=2, h2=2, ws=2)
def dripping_uploads(lab):
    """Uploads of a byte a second from one network, as many as it can open: they take its own places, and none of other networks."""
    limits = {"connections": 400, "connections_per_client": 300}
    if knows("limits.requests_per_client"):
        limits.update(requests=300, requests_per_client=100)
    lab.start({"limits": limits})
    connections, over = [], 0
    for _ in range(3):
        connection = h2.Http2(sandbox.client(1))
        streams = [connection.request("/", "POST", end=False) for _ in range(min(100, connection.streams()))]
        connections.append((connection, streams))
    end = time.monotonic() + 5
    while time.monotonic() < end:
        for connection, streams in connections:
            for stream in streams:
                if stream not in connection.reset and stream not in connection.ended and not connection.gone:
                    connection.send(h2.frame(h2.DATA, 0, stream, b"x"))
            connection.poll(0.3)
    over = sum(len(connection.ended) + len(connection.reset) for connection, _ in connections)
    running = lab.gateway.order("stats")["open"]
    lab.note(f"{running} at the gateway, {over} refused of 300")
    lab.memory(12_000_000)
    if knows("limits.requests_per_client"):
        lab.check(running <= 120, f"{running} requests of one network are under way, 100 may be")
    else:
        lab.wrong("no limit on the requests of a network")
    for connection, _ in connections:
        connection.close()


@scenario("gone-unnoticed", 60, h1=1)
def clients_that_left(lab):
    """Clients that leave while their request waits for its answer, with a byte of the next request sent or not: noticed within 5 s."""
    lab.start()
    for name, more, abruptly in (("closed", b"", False), ("reset", b"", True), ("closed behind a byte", b"G", False), ("reset behind a byte", b"G", True),
                                 ("closed behind a request", wire.get("/silent"), False)):
        before = lab.gateway.order("stats")["open"]
        for _ in range(10):
            sock = wire.tls(sandbox.client(1))
            sock.sendall(wire.get("/silent") + more)
            time.sleep(0.02)
            if abruptly:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.close()
        end = time.monotonic() + 5
        while (left := lab.gateway.order("stats")["open"] - before) > 1 and time.monotonic() < end:
            time.sleep(0.2)
        lab.note(f"{name}: {max(0, left)} of 10 left")
        lab.check(left <= 1, f"{name}: the requests of {left} of 10 clients still wait after 5 s")
