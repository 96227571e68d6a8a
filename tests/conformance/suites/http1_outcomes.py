"""What may become of a request in the `http1` suite."""
from dataclasses import dataclass, field


@dataclass
class Refused:
    """One of these statuses and the end; nothing is whole at the gateway."""
    statuses: tuple

    def holds(self, statuses, closed, requests):
        """Whether that is what was seen."""
        return closed and len(statuses) == 1 and statuses[0] in self.statuses and not requests

    def __str__(self):
        return f"{'/'.join(map(str, self.statuses))} and the end"


@dataclass
class Declined:
    """One of these statuses; where its body ends is beyond doubt, so the connection goes on and the one behind it is answered."""
    statuses: tuple

    def holds(self, statuses, closed, requests):
        """Whether that is what was seen."""
        return (not closed and len(statuses) == 2 and statuses[0] in self.statuses and statuses[1] == 200
                and [request.target for request in requests] == [b"/behind"])

    def __str__(self):
        return f"{'/'.join(map(str, self.statuses))} and the next answer"


@dataclass
class Waits:
    """Neither an answer nor an end: what is there may be the beginning of something good."""

    def holds(self, statuses, closed, requests):
        """Whether that is what was seen."""
        return not closed and not statuses and not requests

    def __str__(self):
        return "a wait for the rest"


@dataclass
class Passed:
    """200, and exactly this request at the gateway, then the one behind it, unless the connection ends first."""
    target: bytes = b"/"
    body: bytes = b""
    ends: bool = False
    method: bytes = b""
    trailers: bytes = None
    without: tuple = ()

    def holds(self, statuses, closed, requests):
        """Whether that is what was seen."""
        behind = not self.ends
        if statuses != [200] * (1 + behind) or closed != self.ends or len(requests) != 1 + behind:
            return False
        first = requests[0]
        names = {name.lower() for name, _ in first.fields}
        return (first.target == self.target and first.body == self.body and (not self.method or first.method == self.method)
                and (self.trailers is None or first.trailers == self.trailers) and not names & set(self.without)
                and (not behind or requests[1].target == b"/behind"))

    def __str__(self):
        return f"200 with {self.target[:40]!r} and {self.body[:40]!r} at the gateway{', then the end' if self.ends else ''}"


@dataclass
class Case:
    """What is sent, and what may become of it."""
    section: str
    name: str
    sent: bytes
    outcomes: list
    waits: bool = field(init=False)

    def __post_init__(self):
        self.waits = all(isinstance(outcome, Waits) for outcome in self.outcomes)
