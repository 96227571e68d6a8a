"""HTTP/2 (RFC 9113, RFC 7541): frames, and the reactions to them that the RFC allows.

A case is what a client sends behind its preface and SETTINGS. Where a request is malformed, it is never whole at the gateway; after
an error of the connection, the connection ends."""
import struct, time

from .frontgate import Frontgate
from .http2_cases import CASES, KNOWN, PREFACE, WRONG_CODES, Wait  # pylint: disable=unused-import
from .http2_frames import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, ERRORS, GOAWAY, HEADERS, PADDED, PING, RST_STREAM, SETTINGS,
                           frame)
from .recorder import Recorder

NEEDS = ["hpack==4.2.0"]
# No verdict depends on it, only when a peer that does not answer is given up.
PATIENCE = 5


def run(report):
    """Runs the suite."""
    gateway = Recorder()
    with Frontgate(f"http://127.0.0.1:{gateway.port}", limits={"request_head": "64KiB"}) as running:
        for case in CASES:
            gateway.forget()
            connection = Connection(running)
            try:
                wrong = play(case, connection)
            finally:
                connection.sock.close()
            wrong = misled(case, gateway) or wrong
            name = f"{case.section} {case.name}"
            report.case(name, wrong, certain=name in WRONG_CODES and not isinstance(wrong, WrongCode))
        if not running.alive():
            report.case("frontgate still runs", running.said()[-500:])


class WrongCode(str):
    """Nothing is wrong but the code."""


def play(case, connection):
    """Sends a case and looks what comes; what is wrong with it."""
    if not case.raw:
        connection.send(PREFACE + frame(SETTINGS, 0, 0))
    for step in case.steps:
        if isinstance(step, Wait):
            if not connection.until({step.token}):
                return f"waited for {step.token}, seen {connection.said()}"
        else:
            connection.send(step)
    want = set(case.want)
    if not connection.until(want, refused=case.malformed):
        code = next((token for token in connection.tokens if token.startswith("GOAWAY ") and token != "GOAWAY NO_ERROR"), None)
        if f"{case.section} {case.name}" in WRONG_CODES and code and connection.until({"end"}):
            return WrongCode(f"{code} instead of {' or '.join(sorted(want))}")
        return f"sent {shown(case)}, expected {' or '.join(sorted(want))}, seen {connection.said()}"
    ends = want <= {f"GOAWAY {error}" for error in ERRORS} | {"end"}
    if ends and not connection.until({"end"}):
        return f"sent {shown(case)}, the connection goes on behind its GOAWAY"
    return ""


def misled(case, gateway):
    """What the gateway has seen that it should not have."""
    requests, broken = gateway.seen()
    if broken:
        return f"sent {shown(case)}, the gateway got {broken[0]}"
    if case.malformed and requests:
        return f"sent {shown(case)}, the gateway got {requests}"
    return case.looks(requests) if case.looks else ""


def shown(case):
    """What is sent, as far as it fits on a line."""
    text = " ".join(f"[{step.token}]" if isinstance(step, Wait) else step.hex() for step in case.steps)
    return text if len(text) < 400 else f"{text[:400]}... ({len(text) // 2} bytes)"


class Connection:
    """A client; its `tokens` are what came so far: `200 of 1`, `RST 1 PROTOCOL_ERROR`, `GOAWAY ...`, `PONG`, `ACK`, `end`."""

    def __init__(self, running):
        import hpack  # pylint: disable=import-outside-toplevel
        self.sock, self.tokens, self._data = running.dial("h2"), [], b""
        self._decoder, self._block = hpack.Decoder(), b""
        # Its peer may say more in a head than this decoder wants to hear.
        self._decoder.max_header_list_size = 1 << 20

    def send(self, data):
        """Sends; a connection that has ended says so when it is read."""
        try:
            self.sock.sendall(data)
        except OSError:
            pass

    def until(self, wanted, refused=False):
        """Reads until one of these has come, or an answer to a request that should be `refused`; whether one has come."""
        end = time.monotonic() + PATIENCE
        while not wanted & set(self.tokens):
            left = end - time.monotonic()
            if left <= 0 or "end" in self.tokens or self._goes(wanted) or (refused and "whole 1" in self.tokens):
                return False
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                return False
            except OSError:
                data = b""
            self._data += data
            self._take()
            if not data and not wanted & set(self.tokens):
                self.tokens.append("end")
        return True

    def _goes(self, wanted):
        """Whether a GOAWAY has come that is none of those wanted, so that an end behind it is no answer."""
        away = any(token.startswith("GOAWAY ") and token != "GOAWAY NO_ERROR" for token in self.tokens)
        return away and any(token.startswith("GOAWAY") for token in wanted)

    def said(self):
        """What came."""
        return ", ".join(self.tokens) or "nothing"

    def _take(self):
        while len(self._data) >= 9:
            length = int.from_bytes(self._data[:3], "big")
            if len(self._data) < 9 + length:
                return
            kind, flags, stream = self._data[3], self._data[4], int.from_bytes(self._data[5:9], "big")
            payload, self._data = self._data[9:9 + length], self._data[9 + length:]
            if kind in (HEADERS, CONTINUATION):
                self._block += payload[1:len(payload) - payload[0]] if flags & PADDED and kind == HEADERS else payload
                if flags & END_HEADERS:
                    fields = dict(self._decoder.decode(self._block, raw=True))
                    self._block = b""
                    self.tokens.append(f"{fields.get(b':status', b'trailers').decode()} of {stream}")
            elif kind == DATA:
                self.tokens.append(f"{length} bytes of {stream}")
            elif kind == RST_STREAM:
                self.tokens.append(f"RST {stream} {error(payload)}")
            elif kind == GOAWAY:
                self.tokens.append(f"GOAWAY {error(payload[4:8])}")
            elif kind == PING and flags & ACK:
                self.tokens.append(f"PONG {payload.hex()}")
            elif kind == SETTINGS:
                self.tokens.append("ACK" if flags & ACK else "SETTINGS")
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                self.tokens.append(f"whole {stream}")


def error(payload):
    """The name of an error code."""
    code = struct.unpack("!I", payload)[0]
    return ERRORS[code] if code < len(ERRORS) else str(code)
