"""Logs without a reader, and lines that a peer can cause."""
import time
from lab import sandbox, wire
from lab.scenario import scenario
from lab.scenarios.control import ends


@scenario("log-unread", 60, h1=2, h2=1, ws=1)
def a_pipe_without_a_reader(lab):
    """The pipe that the log goes to is full: everything is served, /livez answers, SIGTERM ends it."""
    lab.start({"timeouts": {"drain": "2s"}}, pipe=True)
    served, began = 0, time.monotonic()
    while served < 500 and time.monotonic() - began < 15:
        status, _ = wire.ask(sandbox.client(1 + served % 100), f"/{'x' * 200}", timeout=3)
        if status != 200:
            break
        served += 1
    lab.note(f"{served} of 500 served")
    lab.check(served == 500, f"nothing is served after {served} requests")
    try:
        status = lab.frontgate.admin("/livez", timeout=3)[0]
        dropped = lab.frontgate.metric("log_lines_dropped_total")
        lab.note(f"lines dropped: {dropped:.0f}")
        lab.check(dropped > 0, "no dropped lines are counted")
    except OSError as error:
        status = type(error).__name__
    lab.check(status == 200, f"/livez: {status}")
    lab.finish()
    lab.honest.end()
    lab.honest = None
    ends(lab, 6)


@scenario("log-storm", 60, alone=True, h1=1)
def lines_that_a_peer_can_cause(lab):
    """Failing handshakes, wrong requests and h2 errors, 3,000 of them: the log gets no line for each that is not an access line."""
    lab.start()
    wrong = (b"\x16\x03\x01\x00\x05hello", b"nonsense\r\n\r\n", b"\x00" * 64, b"")
    before = lab.frontgate.said().count("\n")
    for number in range(3000):
        try:
            sock = wire.dial(sandbox.client(1 + number % 20), wire.HTTPS, timeout=1)
            sock.sendall(wrong[number % 4])
            sock.close()
        except OSError:
            pass
    time.sleep(0.5)
    said = lab.frontgate.said().splitlines()[before:]
    access = sum('"honest"' in line or "/honest" in line for line in said)
    lab.note(f"{len(said) - access} lines for 3000 broken connections")
    lab.check(len(said) - access <= 1600, f"{len(said) - access} lines for 3000 broken connections")
