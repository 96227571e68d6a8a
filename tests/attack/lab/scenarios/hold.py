"""Requests that wait for a gateway that is restarting."""
import time
from lab import h2, sandbox, wire, ws
from lab.frontgate import MIB
from lab.scenario import Stop, scenario


@scenario("hold-places", 90, alone=True)
def a_full_queue(lab):
    """One network fills the hold queue with 1,100 large heads: bounded, and requests and upgrades of others still wait and pass."""
    lab.start({"hold": "30s"})
    lab.gateway.order("stop")
    fields = "".join(f"x-{n}: {h2.noise(990)}\r\n" for n in range(58))
    waiting, refused = [], 0
    for each in range(450):
        try:
            sock = wire.tls(sandbox.client(1), timeout=2)
            sock.sendall(wire.get("/", fields))
            waiting.append(sock)
        except OSError:
            refused += 1
    connections = []
    for _ in range(6):
        try:
            connection = h2.Http2(sandbox.client(1), timeout=2)
            connections.append(connection)
            for _ in range(min(128, connection.streams())):
                connection.request("/", fields=[("x-big", h2.noise(8000))])
            connection.poll(0.1)
        except OSError:
            refused += 1
    time.sleep(1)
    if not lab.frontgate.alive():
        raise Stop(f"{len(waiting)} h1 and {128 * len(connections)} h2 waiting requests")
    lab.note(f"{len(waiting)} h1 and {128 * len(connections)} h2 of one network, waiting: {lab.frontgate.metric('hold_waiting'):.0f}")
    lab.memory(20 * MIB)
    asks = [h2.aside(wire.ask, sandbox.client(20 + n), timeout=25) for n in range(4)]
    upgrades = [h2.aside(ws.connect, sandbox.client(40 + n), timeout=25) for n in range(4)]
    time.sleep(1)
    lab.gateway.order("start")
    answers = [ask.result() for ask in asks]
    lab.check(all(status == 200 for status, _ in answers), f"requests of others: {[status for status, _ in answers]}")
    for upgrade in upgrades:
        try:
            lab.check(ws.echo(upgrade.result()), "a WebSocket of another does not echo")
        except OSError as error:
            lab.wrong(f"an upgrade of another: {error}")
    for each in [*waiting, *connections]:
        each.close()
    lab.back(8_000_000, 20)


@scenario("hold-in-time", 60)
def hold_is_what_it_says(lab):
    """A gateway that takes no connection: the answer comes when `hold` ends, the time to connect included."""
    lab.silent = sandbox.silence(18789)
    lab.start({"hold": "3s", "upstream": f"http://{sandbox.SILENT}:18789", "timeouts": {"connect": "5s"}})
    for name, source in (("first", 1), ("second", 2)):
        status, seconds = wire.ask(sandbox.client(source), timeout=20)
        lab.note(f"{name}: {status} after {seconds:.1f} s")
        lab.check(status in (502, 503, 504), f"{name}: {status}")
        lab.check(seconds < 5, f"{name} waited {seconds:.1f} s, longer than hold: 3s")


@scenario("hold-upgrade-in-time", 60)
def hold_of_an_upgrade(lab):
    """The same for an upgrade, and for a gateway whose port is closed."""
    lab.start({"hold": "3s", "timeouts": {"connect": "5s"}})
    lab.gateway.order("stop")
    began = time.monotonic()
    try:
        ws.connect(sandbox.client(1), timeout=20)
        lab.wrong("there is no gateway, and a WebSocket")
    except OSError as error:
        seconds = time.monotonic() - began
        lab.note(f"{error} after {seconds:.1f} s")
        lab.check(2 < seconds < 5, f"waited {seconds:.1f} s, hold is 3s")
