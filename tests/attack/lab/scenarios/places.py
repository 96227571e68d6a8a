"""Clients that take all the permits."""
import time
from lab import h2, sandbox, wire
from lab.scenario import scenario

LIMITS = {"connections": 300, "connections_per_client": 100}


def crowd(number, port, source=1, each=None):
    """Connections of one client that say nothing, or what `each` says."""
    made = []
    for _ in range(number):
        try:
            sock = wire.dial(sandbox.client(source) if isinstance(source, int) else source, port, timeout=2)
            if each:
                sock.sendall(each)
            made.append(sock)
        except OSError:
            pass
    return made


@scenario("silent-places", 60, h1=1, new=2)
def silent_connections(lab):
    """600 silent connections of one client do not take the 300 places: others come in, and the silent ones are ended."""
    lab.start({"limits": LIMITS, "timeouts": {"request_head": "4s", "tls_handshake": "4s", "keep_alive": "60s"}})
    https, plain = crowd(300, wire.HTTPS), crowd(300, wire.PLAIN)
    time.sleep(0.5)
    status, seconds = wire.ask(sandbox.client(9), timeout=3)
    lab.note(f"another client: {status} after {1000 * seconds:.0f} ms")
    lab.check(status == 200, f"another client is not served: {status} after {seconds:.1f} s")
    time.sleep(7)
    left = {name: sum(wire.closed_within(sock, 0.005, every=0.005) is None for sock in socks) for name, socks in (("https", https), ("plain", plain))}
    lab.note(f"after 8 s {left} are open")
    lab.check(not any(left.values()), f"silent connections are still open after 8 s: {left}")


@scenario("silent-ipv6", 60, h1=1, new=1)
def one_network(lab):
    """The addresses of one IPv6 /64 count as one client, before a byte has come."""
    lab.start({"limits": LIMITS, "timeouts": {"request_head": "5s", "tls_handshake": "5s"}})
    made = crowd(300, wire.HTTPS, sandbox.client6(7))
    time.sleep(0.5)
    inside = lab.frontgate.metric("connections")
    lab.note(f"{inside:.0f} of {len(made)} are inside")
    lab.check(inside <= 110, f"{inside:.0f} silent connections of one /64 are inside, 100 may be")
    status, seconds = wire.ask(sandbox.client6(9), timeout=3)
    lab.check(status == 200, f"another network: {status} after {seconds:.1f} s")


@scenario("idle-after-tls", 60, h1=1)
def silent_after_the_handshake(lab):
    """A finished handshake and not a byte: ended after `request_head`, over h1 and h2."""
    lab.start({"timeouts": {"request_head": "3s", "keep_alive": "60s"}})
    for alpn in ("http/1.1", "h2"):
        seconds = wire.closed_within(wire.tls(sandbox.client(1), alpn), 9)
        lab.note(f"{alpn} ended after {seconds and round(seconds, 1)} s")
        lab.check(seconds and seconds < 8, f"{alpn}: silent after the handshake, and open for 9 s")


@scenario("all-places", 90, alone=True, ws=3, new=2)
def all_places_from_many(lab):
    """Half heads from many networks take every place: they go after `request_head`, and new clients come in again."""
    lab.slowest = max(lab.slowest, 20000)
    lab.start({"limits": {"connections": 120, "connections_per_client": 20}, "timeouts": {"request_head": "3s", "tls_handshake": "3s"}})
    made = [sock for number in range(1, 13) for sock in crowd(30, wire.PLAIN, number, b"GET / HTTP/1.1\r\nHost: x\r\n")]
    began = time.monotonic()
    status, seconds = wire.ask(sandbox.client(90), timeout=20)
    lab.note(f"{len(made)} half heads; a new client: {status} after {seconds:.1f} s")
    lab.check(status == 200 and seconds < 12, f"a new client: {status} after {time.monotonic() - began:.1f} s")


@scenario("websocket-places", 60, ws=1, h1=1)
def websockets_of_one(lab):
    """A client's WebSockets take its own connections and no others."""
    from lab import ws  # pylint: disable=import-outside-toplevel
    lab.start({"limits": LIMITS})
    opened, refused = [], 0
    for _ in range(130):
        try:
            opened.append(ws.connect(sandbox.client(1), timeout=3))
        except OSError:
            refused += 1
    lab.note(f"{len(opened)} opened, {refused} refused")
    lab.check(95 <= len(opened) <= 100, f"{len(opened)} of 100 WebSockets")
    status, _ = wire.ask(sandbox.client(9), timeout=3)
    lab.check(status == 200, f"another client: {status}")
    for sock in opened:
        sock.close()


@scenario("admin-places", 60)
def admin_is_kept(lab):
    """While clients have all the files, and others sit on the admin listener, the operator is answered."""
    lab.start({"limits": {"connections": "auto", "connections_per_client": "off"}}, files=400)
    made = [h2.Http2(sandbox.client(number)) for number in range(10, 14)]
    for connection in made:
        # Each of these requests takes a file towards the gateway.
        for _ in range(min(80, connection.streams())):
            connection.request("/silent")
    time.sleep(0.5)
    made += [sock for number in range(1, 6) for sock in crowd(100, wire.PLAIN, number, b"GET /silent HTTP/1.1\r\nHost: gw.test\r\n\r\n")]
    time.sleep(1)
    for name in ("livez", "metrics"):
        began = time.monotonic()
        try:
            status = lab.frontgate.admin("/" + name, timeout=5)[0]
        except OSError as error:
            status = type(error).__name__
        lab.note(f"{name}: {status} after {time.monotonic() - began:.1f} s beside {len(made)} connections, files {lab.frontgate.sample(False).files}")
        lab.check(status == 200, f"/{name}: {status} while clients have the files")
    for sock in made:
        sock.close()
