"""The table of the `http2` suite."""
import struct
from dataclasses import dataclass

from .http2_frames import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, ERRORS, GOAWAY, HEADERS, PADDED, PING, PRIORITY, PUSH_PROMISE,
                           RST_STREAM, SETTINGS, WINDOW_UPDATE, WITH_PRIORITY, block, data, field, frame, get, headers, post, pseudo, reset,
                           settings, text, window)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
LARGEST = 2**31 - 1
FRAME = 16384


@dataclass
class Wait:
    """Waits for what the server says."""
    token: str


class Case:
    """What is sent, and the reactions that are right."""

    def __init__(self, section, name, steps, want, malformed=False, raw=False, looks=None):
        self.section, self.name, self.steps, self.want = section, name, [steps] if isinstance(steps, bytes) else steps, want
        self.malformed, self.raw, self.looks = malformed, raw, looks


def connection(*errors):
    """An error of the connection."""
    return [f"GOAWAY {error}" for error in errors] + ["end"]


def stream(*errors, number=1):
    """An error of the stream, which may be taken for one of the connection (RFC 9113 §5.4.2)."""
    return [f"RST {number} {error}" for error in errors] + connection(*errors)


PROTOCOL, SIZE, FLOW, CLOSED, COMPRESSION = "PROTOCOL_ERROR", "FRAME_SIZE_ERROR", "FLOW_CONTROL_ERROR", "STREAM_CLOSED", "COMPRESSION_ERROR"
ANY = connection(*ERRORS[1:])
OK = ["200 of 1"]
BOTH = ["200 of 3"]
PONG = ["PONG 0102030405060708"]
CHECK = frame(PING, 0, 0, bytes(range(1, 9)))
MALFORMED = [*stream(PROTOCOL), "400 of 1"]


def ok(section, name, steps, looks=None):
    """A case that is answered with 200."""
    return Case(section, name, steps, OK, looks=looks)


def bad(section, name, steps, *statuses):
    """A malformed request (RFC 9113 §8.1.1), or one of these statuses."""
    return Case(section, name, steps, [*MALFORMED, *(f"{status} of 1" for status in statuses)], malformed=True)


def cookies(requests):
    """Whether the crumbs of a cookie are one field again (RFC 9113 §8.2.3)."""
    values = [value for name, value in requests[0].fields if name.lower() == b"cookie"]
    return "" if values == [b"a=1; b=2"] else f"the gateway got the cookies {values}"


def five(requests):
    """Whether the body came as it was."""
    return "" if requests[0].body == b"12345" else f"the gateway got the body {requests[0].body[:60]!r}"


def trailers(requests):
    """Whether trailers came and named nothing that they may not."""
    return "" if b"host" not in requests[0].trailers.lower() else f"the gateway got the trailers {requests[0].trailers!r}"


HEAD = block(*pseudo())
START = [
    Case("3.4", "another preface", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + bytes(64), connection(PROTOCOL), raw=True),
    Case("3.4", "a preface that ends wrong", PREFACE[:-2] + b"XX" + settings(), connection(PROTOCOL), raw=True),
    Case("3.4", "no SETTINGS behind the preface", PREFACE + CHECK + get(), connection(PROTOCOL), raw=True),
    Case("3.4", "an acknowledgement behind the preface", PREFACE + settings(flags=ACK) + get(), [*connection(PROTOCOL), *OK], raw=True),
    Case("3.4", "the server's SETTINGS come first", [], ["SETTINGS"]),
]

FRAMES = [
    Case("4.1", "an unknown type", frame(0x16, 0, 0, b"12345678") + CHECK, PONG),
    Case("4.1", "an unknown type on an idle stream", frame(0x16, 0xff, 101, b"12345678") + CHECK, PONG),
    Case("4.1", "unknown flags", frame(PING, 0xfe, 0, bytes(range(1, 9))), PONG),
    Case("4.1", "the reserved bit", frame(PING, 0, 1 << 31, bytes(range(1, 9))), PONG),
    Case("4.1", "the reserved bit of a request", frame(HEADERS, END_STREAM | END_HEADERS, 1 << 31 | 1, HEAD), OK),
    ok("4.2", "DATA of 16384 bytes", post() + data(bytes(FRAME))),
    Case("4.2", "DATA beyond SETTINGS_MAX_FRAME_SIZE", post() + data(bytes(FRAME + 1)), stream(SIZE)),
    Case("4.2", "HEADERS beyond SETTINGS_MAX_FRAME_SIZE", headers([*pseudo(), (b"a", bytes(FRAME))]), connection(SIZE)),
    Case("4.2", "SETTINGS beyond SETTINGS_MAX_FRAME_SIZE", settings(*[(99, 0)] * 2731), connection(SIZE)),
    Case("4.2", "an unknown type beyond SETTINGS_MAX_FRAME_SIZE", frame(0x16, 0, 0, bytes(FRAME + 1)), connection(SIZE)),
    Case("4.3", "PRIORITY within a field block", frame(HEADERS, END_STREAM, 1, HEAD) + frame(PRIORITY, 0, 1, bytes(4) + b"\x10"), connection(PROTOCOL)),
    Case("4.3", "HEADERS of another stream within a field block", frame(HEADERS, END_STREAM, 1, HEAD) + get(stream=3), connection(PROTOCOL)),
    Case("4.3", "DATA within a field block", frame(HEADERS, 0, 1, HEAD) + data(b""), connection(PROTOCOL)),
    Case("4.3", "PING within a field block", frame(HEADERS, END_STREAM, 1, HEAD) + CHECK, connection(PROTOCOL)),
    Case("4.3", "a field block that is cut off", frame(HEADERS, END_STREAM | END_HEADERS, 1, HEAD[:-3]), connection(COMPRESSION)),
]

DONE = [get(), Wait("whole 1")]
RESET = post() + reset(1)
STATES = [
    Case("5.1", "DATA on an idle stream", data(b"a"), connection(PROTOCOL, CLOSED)),
    Case("5.1", "RST_STREAM on an idle stream", reset(1), connection(PROTOCOL)),
    Case("5.1", "WINDOW_UPDATE on an idle stream", window(1, 1), connection(PROTOCOL)),
    Case("5.1", "CONTINUATION on an idle stream", frame(CONTINUATION, END_HEADERS, 1, HEAD), connection(PROTOCOL)),
    Case("5.1", "PRIORITY on an idle stream", frame(PRIORITY, 0, 5, bytes(4) + b"\x10") + get(), OK),
    Case("5.1", "DATA behind the end of a request", get() + data(b"a"), stream(CLOSED)),
    Case("5.1", "HEADERS behind the end of a request", get() + get(), stream(CLOSED)),
    Case("5.1", "CONTINUATION behind the end of a request", get() + frame(CONTINUATION, END_HEADERS, 1, HEAD), connection(CLOSED, PROTOCOL)),
    Case("5.1", "WINDOW_UPDATE behind the end of a request", get() + window(1, 1), OK),
    Case("5.1", "RST_STREAM behind the end of a request", get() + reset(1) + get(stream=3), BOTH),
    Case("5.1", "DATA behind RST_STREAM", RESET + data(b"a"), stream(CLOSED)),
    Case("5.1", "HEADERS behind RST_STREAM", RESET + get(), stream(CLOSED)),
    Case("5.1", "CONTINUATION behind RST_STREAM", RESET + frame(CONTINUATION, END_HEADERS, 1, HEAD), connection(CLOSED, PROTOCOL)),
    Case("5.1", "PRIORITY behind RST_STREAM", RESET + frame(PRIORITY, 0, 1, bytes(4) + b"\x10") + get(stream=3), BOTH),
    Case("5.1", "DATA on a closed stream", [*DONE, data(b"a")], stream(CLOSED)),
    Case("5.1", "HEADERS on a closed stream", [*DONE, get()], stream(CLOSED, PROTOCOL)),
    Case("5.1", "CONTINUATION on a closed stream", [*DONE, frame(CONTINUATION, END_HEADERS, 1, HEAD)], connection(CLOSED, PROTOCOL)),
    Case("5.1", "PRIORITY on a closed stream", [*DONE, frame(PRIORITY, 0, 1, bytes(4) + b"\x10") + CHECK], PONG),
    Case("5.1", "WINDOW_UPDATE on a closed stream", [*DONE, window(1, 1) + CHECK], PONG),
    Case("5.1.1", "an even stream", get(stream=2), connection(PROTOCOL)),
    Case("5.1.1", "a stream below another", get(stream=5) + get(stream=3), connection(PROTOCOL, CLOSED)),
    Case("5.1.1", "stream 0", get(stream=0), connection(PROTOCOL)),
    Case("5.1.1", "a stream that leaves some out", get(stream=5) + get(stream=101), ["200 of 101"]),
    Case("5.1.1", "the last stream there is", get(stream=LARGEST), [f"200 of {LARGEST}"]),
    Case("5.1.2", "more streams than there may be", [Wait("SETTINGS"), b"".join(post(stream=number) for number in range(1, 303, 2))],
         [*(f"RST {number} {error}" for number in range(1, 303, 2) for error in (PROTOCOL, "REFUSED_STREAM")), *connection(PROTOCOL)]),
    Case("5.3.1", "HEADERS that depend on themselves", frame(HEADERS, END_STREAM | END_HEADERS | WITH_PRIORITY, 1, struct.pack("!IB", 1, 16) + HEAD),
         [*stream(PROTOCOL), *OK]),
    Case("5.3.1", "PRIORITY that depends on itself", frame(PRIORITY, 0, 1, struct.pack("!IB", 1, 16)) + get(), [*stream(PROTOCOL), *OK]),
    Case("5.5", "an unknown type within a field block", frame(HEADERS, END_STREAM, 1, HEAD) + frame(0x16, 0, 0, b"1") + frame(CONTINUATION, END_HEADERS, 1),
         connection(PROTOCOL)),
    Case("5.5", "an unknown setting", settings((0xff, 1)) + get(), OK),
]

KINDS = [
    Case("6.1", "DATA on stream 0", data(b"a", 0), connection(PROTOCOL)),
    ok("6.1", "DATA with padding", post() + frame(DATA, END_STREAM | PADDED, 1, b"\x0612345" + bytes(6)), five),
    ok("6.1", "DATA of padding alone", post() + frame(DATA, PADDED, 1, b"\x04" + bytes(4)) + data(b"12345"), five),
    ok("6.1", "empty DATA", post() + data(b"", end=False) * 20 + data(b"12345"), five),
    Case("6.1", "DATA with as much padding as payload", post() + frame(DATA, END_STREAM | PADDED, 1, b"\x0612345"), connection(PROTOCOL)),
    Case("6.1", "DATA with more padding than payload", post() + frame(DATA, END_STREAM | PADDED, 1, b"\xff12345"), connection(PROTOCOL)),
    Case("6.1", "DATA with padding and without its length", post() + frame(DATA, END_STREAM | PADDED, 1), connection(PROTOCOL, SIZE)),
    Case("6.2", "HEADERS on stream 0", frame(HEADERS, END_STREAM | END_HEADERS, 0, HEAD), connection(PROTOCOL)),
    ok("6.2", "HEADERS with padding", frame(HEADERS, END_STREAM | END_HEADERS | PADDED, 1, b"\x04" + HEAD + bytes(4))),
    ok("6.2", "HEADERS with priority", frame(HEADERS, END_STREAM | END_HEADERS | WITH_PRIORITY, 1, bytes(4) + b"\x10" + HEAD)),
    ok("6.2", "HEADERS with padding and priority", frame(HEADERS, END_STREAM | END_HEADERS | WITH_PRIORITY | PADDED, 1, b"\x04" + bytes(4) + b"\x10" + HEAD + bytes(4))),
    Case("6.2", "HEADERS with more padding than payload", frame(HEADERS, END_STREAM | END_HEADERS | PADDED, 1, b"\xff" + HEAD), connection(PROTOCOL)),
    Case("6.2", "HEADERS with padding and without its length", frame(HEADERS, END_STREAM | END_HEADERS | PADDED, 1), connection(PROTOCOL, SIZE)),
    Case("6.2", "HEADERS with half a priority", frame(HEADERS, END_STREAM | END_HEADERS | WITH_PRIORITY, 1, b"\0\0"), stream(SIZE, PROTOCOL)),
    Case("6.3", "PRIORITY on stream 0", frame(PRIORITY, 0, 0, bytes(4) + b"\x10"), connection(PROTOCOL)),
    Case("6.3", "PRIORITY of 4 bytes", post() + frame(PRIORITY, 0, 1, bytes(4)), stream(SIZE)),
    Case("6.3", "PRIORITY of 6 bytes", post() + frame(PRIORITY, 0, 1, bytes(6)), stream(SIZE)),
    Case("6.4", "RST_STREAM on stream 0", reset(0), connection(PROTOCOL)),
    Case("6.4", "RST_STREAM of 3 bytes", post() + frame(RST_STREAM, 0, 1, bytes(3)), connection(SIZE)),
    Case("6.4", "RST_STREAM of 5 bytes", post() + frame(RST_STREAM, 0, 1, bytes(5)), connection(SIZE)),
    Case("6.5", "an acknowledgement with a payload", settings((3, 100), flags=ACK), connection(SIZE)),
    Case("6.5", "SETTINGS on a stream", post() + settings((3, 100), stream=1), connection(PROTOCOL)),
    Case("6.5", "SETTINGS of 5 bytes", frame(SETTINGS, 0, 0, bytes(5)), connection(SIZE)),
    Case("6.5", "SETTINGS are acknowledged", settings((4, 1000)), ["ACK"]),
    Case("6.5.2", "ENABLE_PUSH of 2", settings((2, 2)), connection(PROTOCOL)),
    Case("6.5.2", "INITIAL_WINDOW_SIZE of 2^31", settings((4, 2**31)), connection(FLOW)),
    Case("6.5.2", "MAX_FRAME_SIZE of 16383", settings((5, FRAME - 1)), connection(PROTOCOL)),
    Case("6.5.2", "MAX_FRAME_SIZE of 2^24", settings((5, 2**24)), connection(PROTOCOL)),
    Case("6.5.2", "MAX_FRAME_SIZE of 2^24 - 1", settings((5, 2**24 - 1)) + get(), OK),
    Case("6.5.2", "HEADER_TABLE_SIZE of 0", settings((1, 0)) + get(), OK),
    Case("6.5.2", "HEADER_TABLE_SIZE of 2^32 - 1", settings((1, 2**32 - 1)) + get(), OK),
    Case("6.5.2", "MAX_HEADER_LIST_SIZE of 2^32 - 1", settings((6, 2**32 - 1)) + get(), OK),
    Case("6.5.2", "MAX_CONCURRENT_STREAMS of 0", settings((3, 0)) + get(), OK),
    Case("6.5.3", "the last of two values", settings((4, 100), (4, 1)) + get(), ["1 bytes of 1"]),
    Case("6.6", "PUSH_PROMISE", frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack("!I", 2) + HEAD), connection(PROTOCOL)),
    Case("6.6", "PUSH_PROMISE on an open stream", post() + frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack("!I", 2) + HEAD), connection(PROTOCOL)),
    Case("6.7", "PING", CHECK, PONG),
    Case("6.7", "a pong is not answered", frame(PING, ACK, 0, bytes(8)) + CHECK, PONG),
    Case("6.7", "PING on a stream", post() + frame(PING, 0, 1, bytes(8)), connection(PROTOCOL)),
    Case("6.7", "PING of 6 bytes", frame(PING, 0, 0, bytes(6)), connection(SIZE)),
    Case("6.7", "PING of 9 bytes", frame(PING, 0, 0, bytes(9)), connection(SIZE)),
    Case("6.8", "GOAWAY on a stream", post() + frame(GOAWAY, 0, 1, bytes(8)), connection(PROTOCOL)),
    Case("6.8", "GOAWAY of 7 bytes", frame(GOAWAY, 0, 0, bytes(7)), connection(SIZE)),
    Case("6.8", "GOAWAY behind a request", get() + frame(GOAWAY, 0, 0, bytes(8)), OK),
    Case("6.9", "WINDOW_UPDATE of 0", window(0, 0), connection(PROTOCOL)),
    Case("6.9", "WINDOW_UPDATE of 0 on a stream", post() + window(1, 0), stream(PROTOCOL)),
    Case("6.9", "WINDOW_UPDATE of 3 bytes", frame(WINDOW_UPDATE, 0, 0, bytes(3)), connection(SIZE)),
    Case("6.9", "WINDOW_UPDATE of 5 bytes", frame(WINDOW_UPDATE, 0, 0, bytes(5)), connection(SIZE)),
    Case("6.9", "the reserved bit of WINDOW_UPDATE", window(0, 2**31 + 1) + get(), OK),
    Case("6.9.1", "DATA beyond the window", headers(pseudo(method=b"POST", path=b"/deaf"), end=False) + data(bytes(FRAME), end=False) * 1500,
         stream(FLOW)),
    Case("6.9.1", "a window of 1", settings((4, 1)) + get(), ["1 bytes of 1"]),
    Case("6.9.1", "a window that grows by one", [settings((4, 1)) + get(), Wait("1 bytes of 1"), window(1, 1)], ["whole 1"]),
    Case("6.9.1", "a window of the connection beyond 2^31 - 1", window(0, LARGEST) + window(0, LARGEST), connection(FLOW)),
    Case("6.9.1", "a window of a stream beyond 2^31 - 1", post() + window(1, LARGEST) + window(1, LARGEST), stream(FLOW)),
    Case("6.9.2", "a window that SETTINGS open", [settings((4, 0)) + get(), Wait("200 of 1"), settings((4, 1))], ["1 bytes of 1"]),
    Case("6.9.2", "a window below zero",
         [settings((4, 1)) + get(), Wait("1 bytes of 1"), settings((4, 0)), Wait("ACK"), window(1, 2)], ["whole 1"]),
    Case("6.9.2", "SETTINGS that open a window beyond 2^31 - 1", settings((4, 65535)) + post() + window(1, 1) + settings((4, LARGEST)), connection(FLOW)),
    ok("6.10", "CONTINUATION", frame(HEADERS, END_STREAM, 1, HEAD[:9]) + frame(CONTINUATION, 0, 1, HEAD[9:20]) + frame(CONTINUATION, END_HEADERS, 1, HEAD[20:])),
    ok("6.10", "CONTINUATION in nine pieces", frame(HEADERS, END_STREAM, 1) + b"".join(frame(CONTINUATION, 0, 1, HEAD[at:at + 8]) for at in range(0, len(HEAD), 8))
       + frame(CONTINUATION, END_HEADERS, 1)),
    Case("6.10", "CONTINUATION on stream 0", frame(HEADERS, END_STREAM, 1, HEAD) + frame(CONTINUATION, END_HEADERS, 0), connection(PROTOCOL)),
    Case("6.10", "CONTINUATION of another stream", frame(HEADERS, END_STREAM, 1, HEAD) + frame(CONTINUATION, END_HEADERS, 3), connection(PROTOCOL)),
    Case("6.10", "CONTINUATION behind END_HEADERS", post() + frame(CONTINUATION, END_HEADERS, 1, block((b"a", b"b"))), connection(PROTOCOL)),
    Case("6.10", "CONTINUATION behind DATA", post() + data(b"a", end=False) + frame(CONTINUATION, END_HEADERS, 1), connection(PROTOCOL)),
    Case("6.10", "CONTINUATION without an end", frame(HEADERS, END_STREAM, 1, HEAD) + frame(CONTINUATION, 0, 1, field(b"a", bytes([97]) * 1000)) * 1000, [*ANY, "431 of 1"]),
    Case("6.10", "empty CONTINUATION without an end", frame(HEADERS, END_STREAM, 1, HEAD) + frame(CONTINUATION, 0, 1) * 100000, ANY),
    Case("7", "an unknown error code in GOAWAY", frame(GOAWAY, 0, 0, struct.pack("!II", 0, 0xff)) + CHECK, [*PONG, "end"]),
    Case("7", "an unknown error code in RST_STREAM", post() + reset(1, 0xff) + get(stream=3), BOTH),
]

CONNECTION_FIELDS = [(b"connection", b"keep-alive"), (b"connection", b"close"), (b"keep-alive", b"1"), (b"proxy-connection", b"keep-alive"),
                     (b"transfer-encoding", b"chunked"), (b"upgrade", b"websocket"), (b"te", b"gzip"), (b"te", b"trailers, gzip")]
NAMES = [("a capital", b"X-A"), ("a space", b"x a"), ("a space behind", b"x-a "), ("a colon", b"x:a"), ("a NUL", b"x\0a"), ("a line end", b"x\r\na"),
         ("a line end and a field", b"x: 1\r\ny"), ("a DEL", b"x\x7fa"), ("a byte beyond ASCII", b"x\xe9"), ("no byte", b"")]
VALUES = [("a NUL", b"a\0b"), ("a CR", b"a\rb"), ("an LF", b"a\nb"), ("a line end and a field", b"a\r\ntransfer-encoding: chunked"),
          ("a smuggled request", b"a\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n")]
PATHS = [("a space", b"/a b"), ("a smuggled request", b"/ HTTP/1.1\r\nhost: a\r\n\r\nGET /smuggled"), ("a CR", b"/a\rb"), ("an LF", b"/a\nb"), ("a NUL", b"/a\0b"),
         ("a tab", b"/a\tb"), ("a DEL", b"/a\x7f"), ("no slash in front", b"a"), ("no byte", b""), ("a star", b"*"), ("a whole URI", b"https://frontgate.test/"),
         ("a fragment", b"/a#b"), ("a query alone", b"?a")]
AUTHORITIES = [("user information", b"a@frontgate.test"), ("a path", b"frontgate.test/a"), ("a space", b"frontgate.test a"), ("a line end", b"a\r\nx: y"),
               ("a port that is none", b"frontgate.test:x"), ("a NUL", b"frontgate\0.test"), ("no byte", b"")]

MESSAGES = [
    ok("8.1", "a body", post() + data(b"123", end=False) + data(b"45"), five),
    ok("8.1", "trailers", post() + data(b"12345", end=False) + headers([(b"x-a", b"1")]), five),
    ok("8.1", "trailers that name the host", post() + data(b"12345", end=False) + headers([(b"host", b"other.test")]), trailers),
    bad("8.1", "trailers without an end", post() + data(b"a", end=False) + headers([(b"x-a", b"1")], end=False)),
    bad("8.1", "a pseudo-header field in trailers", post() + data(b"a", end=False) + headers([(b":method", b"GET")])),
    bad("8.1", "a connection field in trailers", post() + data(b"a", end=False) + headers([(b"transfer-encoding", b"chunked")])),
    bad("8.1.1", "a length above the body", post((b"content-length", b"6")) + data(b"12345")),
    bad("8.1.1", "a length below the body", post((b"content-length", b"4")) + data(b"12345")),
    bad("8.1.1", "a length below a body in two frames", post((b"content-length", b"4")) + data(b"123", end=False) + data(b"45")),
    bad("8.1.1", "a length of 0 and a body", post((b"content-length", b"0")) + data(b"12345")),
    bad("8.1.1", "a length and no body", get((b"content-length", b"5"))),
    bad("8.1.1", "two lengths", post((b"content-length", b"5"), (b"content-length", b"4")) + data(b"12345")),
    bad("8.1.1", "a list of lengths", post((b"content-length", b"5, 4")) + data(b"12345")),
    bad("8.1.1", "a length with a plus", post((b"content-length", b"+5")) + data(b"12345")),
    bad("8.1.1", "a length that is none", post((b"content-length", b"five")) + data(b"12345")),
    bad("8.1.1", "a length and too short a body before trailers", post((b"content-length", b"6")) + data(b"12345", end=False) + headers([(b"x-a", b"1")])),
    ok("8.1.1", "a length that is the body's", post((b"content-length", b"5")) + data(b"12345"), five),
    *(bad("8.2.1", f"a name with {what}", get((name, b"1"))) for what, name in NAMES),
    *(bad("8.2.1", f"a value with {what}", get((b"x-a", value))) for what, value in VALUES),
    Case("8.2.1", "a value with a space in front", get((b"x-a", b" 1")), [*MALFORMED, *OK]),
    Case("8.2.1", "a value with a space behind", get((b"x-a", b"1 ")), [*MALFORMED, *OK]),
    *(bad("8.2.2", f"{name.decode()}: {value.decode()}", get((name, value))) for name, value in CONNECTION_FIELDS),
    ok("8.2.2", "te: trailers", get((b"te", b"trailers"))),
    ok("8.2.3", "the crumbs of a cookie", get((b"cookie", b"a=1"), (b"cookie", b"b=2")), cookies),
    *(bad("8.3.1", f"no :{name}", get(**{name: None})) for name in ("method", "scheme", "path")),
    *(bad("8.3.1", f"two :{name.decode()[1:]}", headers([*pseudo(), (name, value)])) for name, value in pseudo()),
    *(bad("8.3.1", f"a path with {what}", get(path=path)) for what, path in PATHS),
    *(bad("8.3.1", f"an authority with {what}", get(authority=authority)) for what, authority in AUTHORITIES),
    bad("8.3.1", "neither authority nor host", get(authority=None)),
    ok("8.3.1", "a host and no authority", get((b"host", b"frontgate.test"), authority=None)),
    ok("8.3.1", "a host that agrees", get((b"host", b"frontgate.test"))),
    bad("8.3.1", "a host that differs", get((b"host", b"other.test"))),
    bad("8.3.1", "two hosts", get((b"host", b"frontgate.test"), (b"host", b"other.test"))),
    bad("8.3", "a pseudo-header field behind another", headers([(b"x-a", b"1"), *pseudo()])),
    bad("8.3", "a pseudo-header field that is not known", headers([*pseudo(), (b":x", b"1")])),
    bad("8.3", "a pseudo-header field of answers", headers([*pseudo(), (b":status", b"200")])),
    bad("8.3.1", "a method with a space", get(method=b"GET /smuggled")),
    bad("8.3.1", "a method with a line end", get(method=b"GET / HTTP/1.1\r\nx: y\r\n\r\nGET")),
    bad("8.3.1", "a method of no byte", get(method=b"")),
    bad("8.3.1", "a scheme that is none", get(scheme=b"ht tp"), 421),
    Case("8.3.1", "another scheme", get(scheme=b"ftp"), [*MALFORMED, "421 of 1", *OK]),
    bad("8.3.1", "a scheme with a line end", get(scheme=b"https://a\r\nx: y"), 421),
    Case("8.3.1", "OPTIONS *", get(method=b"OPTIONS", path=b"*"), [*MALFORMED, *OK]),
    bad("8.5", "CONNECT", headers([(b":method", b"CONNECT"), (b":authority", b"frontgate.test:443")], end=False), 405, 501),
    bad("8.5", "CONNECT with a path", get(method=b"CONNECT"), 405, 501),
    bad("8.5", "CONNECT without an authority", headers([(b":method", b"CONNECT")], end=False), 405, 501),
    bad("8.5", "an extended CONNECT without a path", headers([*pseudo(method=b"CONNECT", path=None), (b":protocol", b"websocket")], end=False), 405, 501),
    bad("8.5", "an extended CONNECT without a scheme", headers([*pseudo(method=b"CONNECT", scheme=None), (b":protocol", b"websocket")], end=False), 405, 501),
    bad("8.5", "an extended CONNECT of another protocol", headers([*pseudo(method=b"CONNECT"), (b":protocol", b"connect-udp")], end=False), 405, 501),
    bad("8.5", "a :protocol without CONNECT", headers([*pseudo(), (b":protocol", b"websocket")])),
    Case("8.1", "a head of 100 KB", frame(HEADERS, END_STREAM, 1, HEAD) + b"".join(frame(CONTINUATION, 0, 1, field(b"x-a", b"a" * 16000)) for _ in range(7))
         + frame(CONTINUATION, END_HEADERS, 1) + get(stream=3), ["431 of 1", *stream(PROTOCOL, "ENHANCE_YOUR_CALM", "REFUSED_STREAM")], malformed=False),
]


def coded(*pieces):
    """A request whose field block ends with these bytes."""
    return frame(HEADERS, END_STREAM | END_HEADERS, 1, HEAD + b"".join(pieces))


HUFFMAN = b"\x00\x01x"
BLOCKS = [
    Case("HPACK 2.3.3", "an index beyond the tables", coded(b"\xc6"), connection(COMPRESSION)),
    Case("HPACK 2.3.3", "a name beyond the tables", coded(b"\x7f\x20", text(b"a")), connection(COMPRESSION)),
    Case("HPACK 6.1", "index 0", coded(b"\x80"), connection(COMPRESSION)),
    Case("HPACK 4.2", "a table size behind a field", coded(b"\x20"), connection(COMPRESSION)),
    Case("HPACK 4.2", "two table sizes in front", frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\x20\x3f\xe1\x1f" + HEAD), OK),
    Case("HPACK 6.3", "a table size beyond SETTINGS_HEADER_TABLE_SIZE", frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\x3f\xff\xff\x03" + HEAD), connection(COMPRESSION)),
    Case("HPACK 5.1", "an integer without an end", coded(b"\xff" + b"\xff" * 12), connection(COMPRESSION)),
    Case("HPACK 5.1", "an integer beyond 32 bits", coded(b"\xff\xff\xff\xff\xff\xff\x0f"), connection(COMPRESSION)),
    Case("HPACK 5.2", "a string beyond the block", coded(b"\x00\x7f\xff\x7f"), connection(COMPRESSION)),
    Case("HPACK 5.2", "padding of more than 7 bits", coded(HUFFMAN, b"\x82\x1f\xff"), connection(COMPRESSION)),
    Case("HPACK 5.2", "padding of zeros", coded(HUFFMAN, b"\x81\x18"), connection(COMPRESSION)),
    Case("HPACK 5.2", "EOS in a string", coded(HUFFMAN, b"\x84\xff\xff\xff\xff"), connection(COMPRESSION)),
    Case("HPACK 5.2", "a string in Huffman's code", coded(HUFFMAN, b"\x81\x1f"), OK),
    Case("HPACK 6.2", "a field of each kind", coded(b"\x40", text(b"x-a"), text(b"1"), b"\x10", text(b"x-b"), text(b"2"), b"\xbe"), OK),
    Case("HPACK 2.3.2", "a table that the next request uses", coded(b"\x40", text(b"x-a"), text(b"1")) + frame(HEADERS, END_STREAM | END_HEADERS, 3, HEAD + b"\xbe"), BOTH),
    Case("HPACK 2.3.2", "an entry that a table size has cleared",
         coded(b"\x40", text(b"x-a"), text(b"1")) + frame(HEADERS, END_STREAM | END_HEADERS, 3, b"\x20" + HEAD + b"\xbe"), connection(COMPRESSION)),
]

CASES = [*START, *FRAMES, *STATES, *KINDS, *MESSAGES, *BLOCKS]

CODE = "the h2 library says PROTOCOL_ERROR where the RFC names another code; the connection ends all the same"
# Cases in which that is all that is wrong: that the connection ends is checked for them too.
WRONG_CODES = {
    "4.3 a field block that is cut off",
    "5.1 DATA behind the end of a request", "5.1 HEADERS behind the end of a request", "5.1 HEADERS behind RST_STREAM",
    "6.3 PRIORITY of 4 bytes", "6.3 PRIORITY of 6 bytes", "6.4 RST_STREAM of 3 bytes", "6.4 RST_STREAM of 5 bytes",
    "6.5 an acknowledgement with a payload", "6.5 SETTINGS of 5 bytes", "6.5.2 INITIAL_WINDOW_SIZE of 2^31",
    "6.7 PING of 6 bytes", "6.7 PING of 9 bytes", "6.8 GOAWAY of 7 bytes", "6.9 WINDOW_UPDATE of 3 bytes", "6.9 WINDOW_UPDATE of 5 bytes",
    *(f"{case.section} {case.name}" for case in BLOCKS if case.want == connection(COMPRESSION)),
}
# Case: why it fails.
KNOWN = {
    **{name: CODE for name in WRONG_CODES},
    "3.4 no SETTINGS behind the preface": "the h2 library takes any frame for the first one",
    "6.10 CONTINUATION in nine pieces": "the h2 library takes no more CONTINUATION frames than a head of the largest size needs, some five",
    "8.1 a pseudo-header field in trailers": "the h2 library hands on the fields of trailers without the pseudo-header fields, and no word of them",
    "8.3.1 a path with a fragment": "http::uri::PathAndQuery, which the h2 library makes of the path, cuts the fragment off without a word; over HTTP/1.1 it is refused",
}
