"""Logs without a reader, and lines that a peer can cause."""
import time
from lab import sandbox, wire, ws
from lab.scenario import scenario
from lab.scenarios.control import ends

LINES = 700


@scenario("log-unread", 90, h1=2, h2=1, ws=1)
def a_pipe_without_a_reader(lab):
    """The pipe that the log goes to is full: everything is served, /livez answers, SIGTERM ends it."""
    lab.start({"timeouts": {"drain": "2s"}}, pipe=True)
    # More lines than any buffer may keep in memory: some 2 KB each.
    target, served, sock, end = f"/{'x' * 3000}", 0, None, time.monotonic() + 35
    while served < LINES and time.monotonic() < end:
        try:
            sock = sock or wire.tls(sandbox.client(1), timeout=3)
            sock.sendall(wire.get(target))
            answer = wire.head(sock)
            if not answer or answer[0] != 200:
                break
            ws.exactly(sock, 2)
        except OSError:
            break
        served += 1
    lab.note(f"{served} of {LINES} served")
    lab.check(served == LINES, f"nothing is served after {served} requests")
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
