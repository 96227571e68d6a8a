"""The table of the `rfc8441` suite: a case is a function of a client, and says what was wrong."""
from .http2_client import BINARY, CLOSE, PING, PONG, TEXT, message, pseudo

PROTOCOL_ERROR, CANCEL = 1, 8
ENABLE_CONNECT_PROTOCOL, INITIAL_WINDOW_SIZE = 8, 4
GOODBYE = b"\x03\xe8bye"


def offered(client):
    """The setting says so, in the first SETTINGS."""
    client.until(lambda: client.settings is not None)
    return "" if client.settings.get(ENABLE_CONNECT_PROTOCOL) == 1 else f"SETTINGS {client.settings}"


def answered(*wanted, end=False, **fields):
    """A CONNECT that gets one of these statuses, or `reset`."""
    def case(client):
        stream = client.ask(pseudo(**fields), end=end)
        status = client.status(stream)
        seen = f"RST {client.streams[stream].reset}" if status is None else status
        if seen not in wanted:
            return f"expected {wanted}, seen {seen}"
        return "" if client.caught_up() else "the connection does not go on"
    return case


def lengthy(client):
    """A CONNECT has no content."""
    stream = client.ask([*pseudo(), ("content-length", "5")])
    status, reset = client.status(stream), client.streams[stream].reset
    return "" if status == 400 or reset == PROTOCOL_ERROR else f"{status} {reset}"


def version(client):
    """The gateway does not know version 8, and nothing is open."""
    fields = [pair for pair in pseudo() if pair[0] != "sec-websocket-version"]
    status = client.status(client.ask([*fields, ("sec-websocket-version", "8")]))
    return "" if status and status >= 400 else f"{status}"


def fields_of_the_answer(client):
    """No key is answered, no connection switched, no length announced."""
    stream = client.open(("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="))
    wrong = {"sec-websocket-accept", "connection", "upgrade", "transfer-encoding", "content-length"} & set(client.streams[stream].fields)
    return f"the answer has {wrong}" if wrong else ""


def extension(client):
    """An extension is the gateway's to take."""
    stream = client.open(("sec-websocket-extensions", "permessage-deflate; client_max_window_bits"))
    taken = client.streams[stream].fields.get("sec-websocket-extensions", "")
    return "" if taken.startswith("permessage-deflate") else f"{taken!r}"


def echo(client):
    """Messages come back, whatever their size."""
    stream = client.open()
    for size in (0, 1, 125, 126, 65535, 65536, 300_000):
        client.send(stream, message(BINARY, b"x" * size))
        if wrong := client.expect(stream, message(BINARY, b"x" * size, mask=None)):
            return f"{size}: {wrong}"
    return ""


def frames_and_data(client):
    """DATA frames have nothing to do with WebSocket frames: bytes one by one, two messages in one, padding, empty ones."""
    stream = client.open()
    for byte in message(TEXT, b"one by one"):
        client.send(stream, bytes([byte]))
    client.send(stream, message(TEXT, b"two") + message(TEXT, b"in one"))
    client.send(stream, message(TEXT, b"padded"), pad=200)
    client.send(stream, b"")
    client.send(stream, message(TEXT, b"behind nothing"))
    texts = (b"one by one", b"two", b"in one", b"padded", b"behind nothing")
    return client.expect(stream, b"".join(message(TEXT, text, mask=None) for text in texts))


def ping(client):
    """A ping is answered by the gateway."""
    stream = client.open()
    client.send(stream, message(PING, b"there?"))
    return client.expect(stream, message(PONG, b"there?", mask=None))


def early(client):
    """What follows the CONNECT before its answer waits for it."""
    stream = client.ask(pseudo())
    client.send(stream, message(TEXT, b"early"))
    if client.status(stream) != 200:
        return client.said()
    return client.expect(stream, message(TEXT, b"early", mask=None))


def closing(client):
    """After both Closes each side ends its stream, and none resets it."""
    stream = client.open()
    client.send(stream, message(CLOSE, GOODBYE))
    if wrong := client.expect(stream, message(CLOSE, GOODBYE, mask=None)):
        return wrong
    client.send(stream, b"", end=True)
    came = client.streams[stream]
    client.until(lambda: came.ended or came.reset is not None)
    client.caught_up()
    return "" if came.ended and came.reset is None and not came.data else client.said()


def end_without_close(client):
    """END_STREAM is the end of a TCP connection: the other side ends as well."""
    stream = client.open()
    client.send(stream, b"", end=True)
    came = client.streams[stream]
    client.until(lambda: came.ended or came.reset is not None)
    return "" if came.ended and came.reset is None else client.said()


def reset(client):
    """RST_STREAM is a connection that breaks: the other sockets go on."""
    one, other = client.open(), client.open()
    client.h2.reset_stream(one, error_code=CANCEL)
    client.flush()
    client.send(other, message(TEXT, b"still here"))
    return client.expect(other, message(TEXT, b"still here", mask=None))


def violation(client):
    """A frame without a mask is answered by a Close with 1002 and the end of the stream."""
    stream = client.open()
    client.send(stream, message(TEXT, b"no mask", mask=None))
    if wrong := client.expect(stream, message(CLOSE, b"\x03\xeaprotocol error", mask=None)):
        return wrong
    client.send(stream, message(CLOSE, b"\x03\xea"), end=True)
    came = client.streams[stream]
    client.until(lambda: came.ended or came.reset is not None)
    return "" if came.ended else client.said()


def trailers(client):
    """RFC 9113 §8.5: HEADERS on a connected stream are an error of the stream."""
    stream = client.open()
    client.h2.send_headers(stream, [("x-late", "1")], end_stream=True)
    client.flush()
    came = client.streams[stream]
    client.until(lambda: came.ended or came.reset is not None)
    return "" if came.reset == PROTOCOL_ERROR and client.caught_up() else client.said()


def beside(client):
    """A hundred sockets on a connection, each with its own messages."""
    streams = [client.open() for _ in range(100)]
    for number, stream in enumerate(streams):
        client.send(stream, message(TEXT, f"socket {number}".encode()))
    wrong = [client.expect(stream, message(TEXT, f"socket {number}".encode(), mask=None)) for number, stream in enumerate(streams)]
    return next(filter(None, wrong), "")


def no_window(client):
    """Without a window nothing comes; with one, as much as it allows."""
    stream = client.open()
    client.send(stream, message(TEXT, b"0123456789"))
    client.caught_up()
    came = client.streams[stream]
    if came.data:
        return f"{came.data!r} came without a window"
    for more in (1, 4, 7):
        client.h2.increment_flow_control_window(more, stream)
        client.flush()
    return client.expect(stream, message(TEXT, b"0123456789", mask=None))


no_window.settings = {INITIAL_WINDOW_SIZE: 0}


def unread_beside(client):
    """A socket that is not read stops no other one."""
    unread, other = client.open(), client.open()
    client.reads = False
    client.send(unread, message(BINARY, b"x" * 60_000))
    client.until(lambda: len(client.streams[unread].data) >= 20_000)
    client.send(other, message(TEXT, b"still here"))
    return client.expect(other, message(TEXT, b"still here", mask=None))


unread_beside.settings = {INITIAL_WINDOW_SIZE: 20_000}

RESET = f"RST {PROTOCOL_ERROR}"
CASES = [
    ("3", "SETTINGS_ENABLE_CONNECT_PROTOCOL is 1", offered),
    ("4", "no :scheme", answered(RESET, 400, scheme=None)),
    ("4", "no :path", answered(RESET, 400, path=None)),
    ("4", "no :authority", answered(RESET, 400, authority=None)),
    ("4", ":protocol of a GET", answered(RESET, 400, method="GET", end=True)),
    ("4", ":protocol of a POST", answered(RESET, 400, method="POST")),
    ("4", "another :protocol", answered(501, protocol="connect-udp")),
    ("4", "an empty :protocol", answered(RESET, 400, 501, protocol="")),
    ("4", "a CONNECT without :protocol", answered(405, 501, protocol=None, scheme=None, path=None)),
    ("4", "another :scheme", answered(RESET, 400, 421, scheme="http")),
    ("5", "the fields of the answer", fields_of_the_answer),
    ("5", "an extension passes", extension),
    ("5", "another Sec-WebSocket-Version", version),
    ("5", "messages come back", echo),
    ("5", "WebSocket frames and DATA frames", frames_and_data),
    ("5", "a ping is answered", ping),
    ("5", "DATA before the answer", early),
    ("5", "a CONNECT that ends its stream", answered(400, RESET, end=True)),
    ("5", "a CONNECT with a length", lengthy),
    ("5", "Close, then END_STREAM", closing),
    ("5", "END_STREAM without a Close", end_without_close),
    ("5", "RST_STREAM with CANCEL", reset),
    ("5", "a violation ends with a Close", violation),
    ("5", "a hundred sockets on a connection", beside),
    ("5", "no window, no DATA", no_window),
    ("5", "a socket that is not read stops no other", unread_beside),
    ("9113 8.5", "HEADERS on a connected stream", trailers),
]
