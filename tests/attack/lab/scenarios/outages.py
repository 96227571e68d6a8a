"""A gateway with bad habits, and what the clients of others see of it."""
import time
from lab import h2, sandbox, wire
from lab.scenario import scenario


@scenario("one-hangup", 60, h1=3, h2=2, new=2)
def hangs_up_on_one_request(lab):
    """The gateway hangs up on one path, over and over: that request fails soon, and no other waits."""
    lab.start({"hold": "12s"})
    for path in ("/hangup", "/half", "/hangup"):
        for method, body in (("GET", b""), ("POST", b"x=1")):
            failing = h2.aside(wire.ask, sandbox.client(1), path, method=method, body=body, timeout=20)
            time.sleep(0.1)
            other, waited = wire.ask(sandbox.client(2), timeout=20)
            status, seconds = failing.result()
            lab.note(f"{method} {path}: {status} in {seconds:.1f} s, another {other} in {waited:.1f} s")
            lab.check(status in (502, 503) and seconds < 6, f"{method} {path}: {status} in {seconds:.1f} s")
            lab.check(other == 200 and waited < 2, f"another request beside {path}: {other} in {waited:.1f} s")
    lab.slowest = max(lab.slowest, 3000)


@scenario("silent-first-address", 60)
def a_silent_first_address(lab):
    """A name with a silent and a live address, in both orders: served within 3 s."""
    lab.silent = sandbox.silence(18789)
    for addresses in ((sandbox.SILENT, sandbox.LIVE), (sandbox.LIVE, sandbox.SILENT), (sandbox.SILENT6, sandbox.LIVE)):
        sandbox.names([f"{address} gateway.test" for address in addresses])
        lab.start({"upstream": "http://gateway.test:18789", "timeouts": {"connect": "5s"}})
        status, seconds = wire.ask(sandbox.client(1), timeout=20)
        lab.note(f"{addresses[0]} first: {status} in {seconds:.1f} s")
        lab.check(status == 200 and seconds < 3, f"{addresses[0]} first: {status} in {seconds:.1f} s")
        lab.end()


@scenario("restarts", 60, alone=True, h1=3, h2=2, new=2)
def restarts_are_bridged(lab):
    """The gateway goes for a second, three times: requests wait, and none fails."""
    lab.start({"hold": "12s"})
    lab.slowest = max(lab.slowest, 6000)
    for _ in range(3):
        lab.gateway.order("stop")
        time.sleep(1)
        lab.gateway.order("start")
        time.sleep(2.5)
    failed = {kind: of["failed"] for kind, of in lab.honest.figures().items() if of["failed"]}
    # A request that was under way when its connection was cut may have been carried out: it is not sent twice.
    lab.honest.mark()
    time.sleep(1)
    total = sum(sum(of.values()) for of in failed.values())
    lab.note(f"failed meanwhile: {failed}")
    lab.check(total <= 3, f"{total} requests failed in three restarts of a second")


@scenario("deaf-gateway", 60, ws=2)
def a_gateway_that_accepts_and_says_nothing(lab):
    """Connections are accepted and nothing is read: requests end by `read`, open WebSockets go on."""
    lab.start({"hold": "3s", "timeouts": {"read": "3s", "connect": "2s"}, "websocket": {"ping_interval": "30s"}})
    lab.gateway.order("deafen")
    asks = [h2.aside(wire.ask, sandbox.client(1 + n), timeout=20) for n in range(5)]
    for ask in asks:
        status, seconds = ask.result()
        lab.check(status in (502, 503, 504) and seconds < 9, f"{status} after {seconds:.1f} s")
    lab.note(f"last {status} after {seconds:.1f} s")
    lab.gateway.order("hear")
    status, seconds = wire.ask(sandbox.client(9), timeout=10)
    lab.check(status == 200, f"after that: {status} in {seconds:.1f} s")


@scenario("large-answer-heads", 60, h1=1)
def heads_of_answers(lab):
    """A gateway's answer with a head of 400 KB is refused or passed, and frontgate keeps none of it."""
    lab.start()
    said = [wire.ask(sandbox.client(1 + n % 5), "/fields/400000", timeout=5)[0] for n in range(40)]
    lab.note(f"answered {sorted(set(map(str, said)))}")
    lab.check(all(status in (200, 502) for status in said), f"answered {said}")
    lab.memory(4 << 20)
