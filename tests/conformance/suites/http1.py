"""HTTP/1.1 (RFC 9112): tables of raw bytes, each with a second request right behind it.

A refused request gets its status and the end of the connection, and neither it nor what is behind it is ever whole at the gateway.
A request that passes arrives there exactly once, with the body that the table says, and the one behind it is answered. Short cases
are sent in one write and byte by byte."""
import re, time

from .frontgate import Frontgate
from .http1_cases import CASES, KNOWN as KNOWN_CASES
from .recorder import Recorder

NEEDS = []
KNOWN = {name + end: why for name, why in KNOWN_CASES.items() for end in ("", ", byte by byte")}
BEHIND = b"GET /behind HTTP/1.1\r\nHost: frontgate.test\r\n\r\n"
# Cases of no more bytes are sent byte by byte as well.
CHOPPED = 400
# Seconds after which an answer is given up, and after which a wait is one. Too short a wait passes what it should not; none fails
# what it should pass.
PATIENCE, WAIT = 10, 0.5


def run(report):
    """Runs the suite."""
    gateway = Recorder()
    times = {"request_head": "30s", "keep_alive": "30s", "connect": "5s"}
    with Frontgate(f"http://127.0.0.1:{gateway.port}", timeouts=times, limits={"request_head": "64KiB"}) as running:
        for case in CASES:
            gateway.forget()
            report.case(f"{case.section} {case.name}", judge(case, *ask(running, case, len(case.sent)), gateway))
            if len(case.sent) <= CHOPPED:
                gateway.forget()
                report.case(f"{case.section} {case.name}, byte by byte", judge(case, *ask(running, case, 1), gateway))
        if not running.alive():
            report.case("frontgate still runs", running.said()[-500:])


def ask(running, case, step):
    """Sends a case in pieces of so many bytes: (final statuses in their order, whether the connection ended)."""
    answers = Answers(head_first=case.sent.startswith(b"HEAD "))
    connection = running.dial("http/1.1")
    with connection:
        try:
            whole = case.sent + BEHIND
            for at in range(0, len(whole), step):
                connection.sendall(whole[at:at + step])
        except OSError:
            # It ended before it had read all; what it said is still there to read.
            pass
        end = time.monotonic() + (WAIT if case.waits else PATIENCE)
        closed = False
        while not closed and len(answers.statuses) < 2 and time.monotonic() < end:
            connection.settimeout(max(0.01, end - time.monotonic()))
            try:
                data = connection.recv(65536)
            except TimeoutError:
                break
            except OSError:
                data = b""
            closed = not data
            answers.feed(data)
    return answers.statuses, closed


def judge(case, statuses, closed, gateway):
    """What is wrong; empty if nothing is."""
    requests, broken = gateway.seen()
    wrong = []
    if broken:
        wrong.append(f"the gateway got {broken[0]}")
    got = f"{statuses or 'no answer'}{', then the end' if closed else ', connection open'}; gateway: {requests or 'nothing'}"
    for outcome in case.outcomes:
        if not broken and outcome.holds(statuses, closed, requests):
            return ""
    wrong.append(f"sent {shown(case.sent)}, expected {' or '.join(map(str, case.outcomes))}, seen {got}")
    return "; ".join(wrong)


def shown(sent):
    """Bytes that fit on a line."""
    return repr(sent) if len(sent) < 300 else f"{sent[:120]!r}... ({len(sent)} bytes)"


class Answers:
    """Takes answers apart."""

    def __init__(self, head_first):
        self.statuses, self._data, self._head_first = [], b"", head_first

    def feed(self, data):
        """Takes what came."""
        self._data += data
        while b"\r\n\r\n" in self._data:
            head, rest = self._data.split(b"\r\n\r\n", 1)
            status = int(head.split(b" ", 2)[1])
            if status < 200:
                self._data = rest
                continue
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            bodiless = self._head_first and not self.statuses
            size = int(length[1]) if length and not bodiless else 0
            if len(rest) < size:
                return
            self.statuses.append(status)
            self._data = rest[size:]
