"""Reloads and ends, while peers stall."""
import socket, time
from lab import h2, sandbox, wire, ws
from lab.scenario import scenario
from lab.scenarios.places import crowd


def ends(lab, seconds):
    """SIGTERM ends it in time."""
    took = lab.frontgate.terminate(seconds)
    lab.note(f"SIGTERM: {'still running after ' + str(seconds) if took is None else f'ended after {took:.1f}'} s")
    lab.check(took is not None, f"still running {seconds} s after SIGTERM")
    lab.frontgate.ended = True


def reloads(lab, seconds=5):
    """POST /reload returns in time."""
    began = time.monotonic()
    try:
        status, text = lab.frontgate.admin("/reload", "POST", timeout=seconds)
    except OSError as error:
        status, text = None, str(error)
    lab.note(f"reload: {status} {text.strip()[:60]} after {time.monotonic() - began:.1f} s")
    return lab.check(status == 200, f"reload: {status} {text.strip()[:80]} after {time.monotonic() - began:.1f} s")


def take_all(lab):
    """Every place is taken, and more knock at each listener."""
    made = []
    for port in (wire.HTTPS, wire.PLAIN, 8081):
        made += crowd(15, port, 1)
    for number in range(2, 6):
        made += crowd(10, 8081, number, b"GET /silent HTTP/1.1\r\nHost: gw.test\r\n\r\n")
    time.sleep(0.5)
    return made


def two_listeners(lab, port):
    """The configuration with another plain listener, or without."""
    listen = dict(lab.frontgate.base["listen"]) if lab.frontgate else {"https": [f"{sandbox.FRONTGATE}:8443"], "plain": [f"{sandbox.FRONTGATE}:8080"]}
    listen["plain"] = [f"{sandbox.FRONTGATE}:8080", *([f"{sandbox.FRONTGATE}:8081"] if port else [])]
    return {"listen": listen, "limits": {"connections": 30, "connections_per_client": "off"},
            "timeouts": {"drain": "2s", "request_head": "60s", "tls_handshake": "60s"}}


@scenario("reload-full", 60)
def a_listener_goes_while_all_is_full(lab):
    """All places are taken, and a reload removes a listener that waits for one: it returns, the next as well, SIGTERM ends it."""
    lab.start(two_listeners(lab, True))
    made = take_all(lab)
    lab.frontgate.write(two_listeners(lab, False))
    reloads(lab)
    lab.frontgate.write(two_listeners(lab, True))
    reloads(lab)
    ends(lab, 8)
    for sock in made:
        sock.close()


@scenario("term-full", 60)
def the_end_while_all_is_full(lab):
    """All places are taken by connections that stall in every way: SIGTERM ends it after `drain`."""
    lab.start(two_listeners(lab, True))
    made = take_all(lab)
    ends(lab, 8)
    for sock in made:
        sock.close()


@scenario("term-stalled", 60)
def the_end_with_stalled_peers(lab):
    """Unread answers, half uploads, unread WebSockets, h2 without windows: SIGTERM ends it after `drain: 2s`."""
    lab.start({"timeouts": {"drain": "2s"}})
    made = []
    for path in ("/endless", "/silent", "/events"):
        sock = wire.tls(sandbox.client(1), receive=4096)
        sock.sendall(wire.get(path))
        made.append(sock)
    upload = wire.tls(sandbox.client(2))
    upload.sendall(wire.get("/", "Content-Length: 100\r\n", "POST") + b"x")
    connection = h2.Http2(sandbox.client(3), window=0)
    for _ in range(20):
        connection.request("/endless")
    sockets = [ws.connect(sandbox.client(4), path, receive=4096) for path in ("/ws/push", "/ws/deaf", "/ws")]
    time.sleep(1)
    ends(lab, 8)
    for sock in [*made, upload, *sockets]:
        sock.close()
    connection.close()


@scenario("term-resolving", 60)
def the_end_while_a_name_is_resolved(lab):
    """A name server that says nothing: SIGTERM ends it after `drain: 2s`, requests end after `hold`, and a reload returns."""
    lab.silent = sandbox.silence(18789)
    sandbox.names([])
    lab.start({"upstream": "http://gateway.elsewhere.test:18789", "hold": "3s", "timeouts": {"drain": "2s"}})
    asks = [h2.aside(wire.ask, sandbox.client(1 + n), timeout=20) for n in range(20)]
    status, seconds = wire.ask(sandbox.client(50), timeout=20)
    lab.note(f"a request: {status} after {seconds:.1f} s")
    lab.check(status in (502, 503, 504) and seconds < 6, f"a request: {status} after {seconds:.1f} s, hold is 3s")
    for ask in asks:
        ask.result()
    h2.aside(wire.ask, sandbox.client(60), timeout=20)
    time.sleep(0.3)
    reloads(lab, 6)
    ends(lab, 6)


@scenario("admin-stalled", 60, h1=1)
def stalled_operators(lab):
    """Connections to the admin listener that stall keep neither the operator out nor the end waiting."""
    lab.start({"timeouts": {"drain": "2s"}})
    made = []
    for number in range(100):
        sock = socket.create_connection(("127.0.0.1", 9180), 2)
        sock.sendall((b"", b"GET /met", b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50)[number % 3])
        made.append(sock)
    began = time.monotonic()
    answered = None
    while time.monotonic() - began < 25 and answered is None:
        try:
            answered = lab.frontgate.admin("/readyz", timeout=5)[0]
        except OSError:
            pass
    lab.note(f"the operator: {answered} after {time.monotonic() - began:.1f} s")
    lab.check(answered == 200, f"the operator is not answered within 25 s beside {len(made)} stalled connections")
    lab.finish()
    lab.honest.end()
    lab.honest = None
    ends(lab, 6)
    for sock in made:
        sock.close()
