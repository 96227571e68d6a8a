"""The time of a request's head."""
import time
from lab import h2, sandbox, wire
from lab.scenario import scenario

TIMES = {"timeouts": {"request_head": "3s", "keep_alive": "40s"}}


def ended(name, sock, drip=None, first=b"", every=0.3):
    """Sends, drips, and waits for an end."""
    if first:
        sock.sendall(first)
    return name, h2.aside(wire.closed_within, sock, 9, drip, every)


def judge(lab, running, most=9):
    """All of them ended within so many seconds."""
    for name, aside in running:
        seconds = aside.result()
        lab.note(f"{name} {seconds and round(seconds, 1)} s")
        lab.check(seconds is not None, f"{name}: still open")
        lab.check(seconds is None or seconds <= most, f"{name}: ended after {seconds and round(seconds, 1)} s only")


@scenario("slow-heads", 60, h1=1)
def heads_that_drip(lab):
    """Empty lines, half lines and half fields that drip, on https and plain: ended `request_head` after the connection began, and not later."""
    lab.start(TIMES)
    running = []
    for way, dial in (("tls", lambda: wire.tls(sandbox.client(1))), ("plain", lambda: wire.dial(sandbox.client(2), wire.PLAIN))):
        for name, first, drip in (("empty lines", b"", b"\r\n"), ("bare lines", b"", b"\n"), ("a method", b"", b"G"),
                                  ("fields", b"GET / HTTP/1.1\r\n", b"X: y\r\n"), ("a field", b"GET / HTTP/1.1\r\nX: ", b"y"), ("silence", b"G", None),
                                  ("nothing", b"", None), ("empty lines and a letter", b"\r\n\r\nG", None)):
            running.append(ended(f"{way} {name}", dial(), drip, first))
            if drip:
                # Within the limit, and again.
                running.append(ended(f"{way} {name} every 2 s", dial(), drip, first, 2))
    judge(lab, running, 4.5)


@scenario("pipelined-half", 60, h1=1)
def half_a_pipelined_head(lab):
    """Half a head behind a whole request, silent or dripping, gets `request_head` and not `keep_alive`."""
    lab.start(TIMES)
    running = []
    for way, dial in (("tls", lambda: wire.tls(sandbox.client(1))), ("plain", lambda: wire.dial(sandbox.client(2), wire.PLAIN))):
        for name, half, drip in (("half", b"GET /x HT", None), ("half dripping", b"GET /x HTTP/1.1\r\nX: ", b"y"), ("a byte", b"G", None)):
            running.append(ended(f"{way} {name}", dial(), drip, wire.get() + half))
        sock = dial()
        sock.sendall(wire.get("/slow/1"))
        running.append(ended(f"{way} behind a slow answer", sock, None, b"GET /x"))
    judge(lab, running)


@scenario("keep-alive", 60, h1=1)
def keep_alive_ends(lab):
    """Behind a finished answer `keep_alive` rules: 2 s here, whatever request_head is."""
    lab.start({"timeouts": {"request_head": "30s", "keep_alive": "2s"}})
    running = [ended("tls", wire.tls(sandbox.client(1)), None, wire.get()), ended("plain", wire.dial(sandbox.client(2), wire.PLAIN), None, wire.get())]
    # Empty lines begin nothing (RFC 9112 §2.2): they make neither a head nor a connection that is used.
    running.append(ended("empty lines", wire.tls(sandbox.client(1)), b"\r\n", wire.get()))
    connection = h2.Http2(sandbox.client(3))
    stream = connection.request("/")
    connection.poll(2, until=lambda: stream in connection.ended)
    began = time.monotonic()
    connection.poll(9)
    lab.note(f"h2 {connection.gone} after {time.monotonic() - began:.1f} s")
    lab.check(connection.gone, "h2: still open")
    judge(lab, running, 5)


@scenario("h2-idle-pings", 60, h1=1)
def pings_keep_nothing_open(lab):
    """PINGs and SETTINGS do not keep an h2 connection open on which nothing is asked."""
    lab.start({"timeouts": {"request_head": "3s", "keep_alive": "3s"}})
    for first in (False, True):
        connection = h2.Http2(sandbox.client(1))
        if first:
            stream = connection.request("/")
            connection.poll(2, until=lambda: stream in connection.ended)
        began = time.monotonic()
        while time.monotonic() - began < 10 and not connection.gone:
            try:
                connection.send(h2.frame(h2.PING, 0, 0, b"12345678") + h2.frame(h2.SETTINGS, 0, 0))
                connection.poll(0.4)
            except OSError as error:
                connection.gone = str(error)
        lab.note(f"{'after an answer' if first else 'without a request'}: {connection.gone} after {time.monotonic() - began:.1f} s")
        lab.check(connection.gone, f"PINGs keep a connection open {'after an answer' if first else 'without a request'}")
