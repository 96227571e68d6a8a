"""HTTP/2 frames and field blocks, right or wrong."""
import struct

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, WITH_PRIORITY, ACK = 1, 4, 8, 32, 1
ERRORS = ["NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
          "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"]


def frame(kind, flags, stream, payload=b""):
    """A frame."""
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def settings(*pairs, flags=0, stream=0):
    """SETTINGS."""
    return frame(SETTINGS, flags, stream, b"".join(struct.pack("!HI", *pair) for pair in pairs))


def window(stream, increment):
    """WINDOW_UPDATE."""
    return frame(WINDOW_UPDATE, 0, stream, struct.pack("!I", increment))


def reset(stream, code=8):
    """RST_STREAM."""
    return frame(RST_STREAM, 0, stream, struct.pack("!I", code))


def field(name, value):
    """A literal field that is never put into a table (RFC 7541 §6.2.2)."""
    return b"\0" + text(name) + text(value)


def text(data):
    """A string literal (RFC 7541 §5.2), without Huffman."""
    if len(data) < 127:
        return bytes([len(data)]) + data
    rest, out = len(data) - 127, b"\x7f"
    while rest >= 128:
        out, rest = out + bytes([rest % 128 + 128]), rest // 128
    return out + bytes([rest]) + data


def block(*fields):
    """A field block of (name, value)."""
    return b"".join(field(name, value) for name, value in fields)


def pseudo(method=b"GET", scheme=b"https", authority=b"frontgate.test", path=b"/"):
    """The pseudo-header fields of a request; those that are None are left out."""
    named = ((b":method", method), (b":scheme", scheme), (b":authority", authority), (b":path", path))
    return [pair for pair in named if pair[1] is not None]


def headers(fields, stream=1, end=True, flags=END_HEADERS):
    """HEADERS of (name, value) pairs."""
    return frame(HEADERS, flags | (END_STREAM if end else 0), stream, block(*fields))


def get(*more, stream=1, **named):
    """A whole request without a body."""
    return headers([*pseudo(**named), *more], stream)


def post(*more, stream=1):
    """The head of a request with a body."""
    return headers([*pseudo(method=b"POST"), *more], stream, end=False)


def data(body, stream=1, end=True):
    """DATA."""
    return frame(DATA, END_STREAM if end else 0, stream, body)
