"""HTTP/2 frames as a peer sends them that has something in mind (RFC 9113)."""
import os, socket, ssl, struct, threading, time
from lab import wire

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
LARGEST = 2**31 - 1
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_STREAMS, INITIAL_WINDOW, MAX_FRAME = 1, 2, 3, 4, 5


class Http2:
    """A connection; the caller decides what it sends, and whether it reads."""

    def __init__(self, source, window=65535, connection_window=0, settings=(), receive=None, timeout=10):
        self.sock = wire.tls(source, "h2", receive=receive, timeout=timeout)
        if self.sock.selected_alpn_protocol() != "h2":
            raise OSError("no HTTP/2")
        self.next = 1
        # Streams that it has reset, that it has ended, and whether it has gone.
        self.reset, self.ended, self.statuses, self.gone = {}, set(), {}, None
        self.peer_settings, self._buffer = {}, b""
        # What all of its streams may still send.
        self.room = 65535
        # What single streams may still send, where that is known.
        self.windows = {}
        start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, pairs([(INITIAL_WINDOW, window), *settings]))
        if connection_window:
            start += frame(WINDOW_UPDATE, 0, 0, struct.pack("!I", connection_window))
        self.send(start)

    def send(self, data):
        """Sends bytes; an `OSError` says that the peer has ended the connection or takes no more."""
        self.sock.sendall(data)

    def request(self, path="/", method="GET", fields=(), end=True, block=None):
        """Begins a stream and returns its number."""
        stream = self.next
        self.next += 2
        block = block if block is not None else head(path, method, fields)
        self.send(frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block))
        return stream

    def websocket(self, path):
        """Asks for a WebSocket (RFC 8441) on a stream of its own."""
        fields = [(":protocol", "websocket"), ("sec-websocket-version", "13")]
        return self.request(block=head(path, "CONNECT", fields), end=False)

    def first_window(self):
        """What a stream may send before any of it is read."""
        return self.peer_settings.get(INITIAL_WINDOW, 65535)

    def streams(self):
        """How many streams the peer allows, as its first SETTINGS say."""
        self.poll(2, until=lambda: self.peer_settings)
        return self.peer_settings.get(MAX_STREAMS, 2**31)

    def poll(self, seconds=0.0, until=lambda: False):
        """Reads frames for so long, or until `until` says so or the peer has gone."""
        end = time.monotonic() + seconds
        while self.gone is None and not until():
            self.sock.settimeout(max(0.001, min(0.2, end - time.monotonic())))
            try:
                data = self.sock.recv(65536)
                if not data:
                    self.gone = "closed"
                self._take(data)
            except (TimeoutError, ssl.SSLWantReadError):
                if time.monotonic() >= end:
                    break
            except OSError as error:
                self.gone = self.gone or str(error)
            if time.monotonic() >= end:
                break
        self.sock.settimeout(10)

    def _take(self, data):
        self._buffer += data
        while len(self._buffer) >= 9:
            length = int.from_bytes(self._buffer[:3], "big")
            if len(self._buffer) < 9 + length:
                return
            kind, flags, stream = self._buffer[3], self._buffer[4], int.from_bytes(self._buffer[5:9], "big")
            payload, self._buffer = self._buffer[9:9 + length], self._buffer[9 + length:]
            if kind == SETTINGS and not flags & ACK:
                self.peer_settings = {k: v for k, v in struct.iter_unpack("!HI", payload)} or {0: 0}
            elif kind == WINDOW_UPDATE and stream == 0:
                self.room += int.from_bytes(payload, "big")
            elif kind == WINDOW_UPDATE and stream in self.windows:
                self.windows[stream] += int.from_bytes(payload, "big")
            elif kind == RST_STREAM:
                self.reset[stream] = int.from_bytes(payload, "big")
            elif kind == GOAWAY:
                self.gone = f"GOAWAY {int.from_bytes(payload[4:8], 'big')} {payload[8:].decode('latin-1')}".strip()
            elif kind == HEADERS and payload:
                self.statuses.setdefault(stream, STATUSES.get(payload[0], 0))
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                self.ended.add(stream)

    def close(self, abruptly=False):
        """Ends the connection; `abruptly` with a RST."""
        if abruptly:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def flood(source, make, seconds, per_second, reads=False):
    """Repeats `make(connection)` at a bounded rate, on new connections when one ends.

    Returns (rounds, connections, how the last one ended).
    """
    rounds = connections = 0
    ending, end, connection = None, time.monotonic() + seconds, None
    began = time.monotonic()
    while time.monotonic() < end:
        try:
            if connection is None:
                connection = Http2(source, timeout=2)
                connections += 1
            for _ in range(20):
                make(connection)
                rounds += 1
            if reads:
                connection.poll(0.001)
                if connection.gone:
                    raise OSError(connection.gone)
            ahead = rounds / per_second - (time.monotonic() - began)
            if ahead > 0:
                time.sleep(min(ahead, 0.5))
        except OSError as error:
            ending = str(error) or type(error).__name__
            if connection is not None:
                if not reads:
                    connection.poll(0.05)
                ending = connection.gone or ending
                connection.close()
            connection = None
            time.sleep(0.02)
    if connection is not None:
        connection.close()
    return rounds, connections, ending


def aside(function, *arguments, **keywords):
    """Runs it in a thread; `.result()` waits for what it returns."""
    return Aside(function, arguments, keywords)


class Aside(threading.Thread):
    """A thread with a result."""

    def __init__(self, function, arguments, keywords):
        super().__init__(daemon=True)
        self.work, self.answer, self.error = (function, arguments, keywords), None, None
        self.start()

    def run(self):
        """Does the work."""
        function, arguments, keywords = self.work
        try:
            self.answer = function(*arguments, **keywords)
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def result(self, seconds=60):
        """What it returned."""
        self.join(seconds)
        if self.error:
            raise self.error
        return self.answer


def frame(kind, flags, stream, payload=b""):
    """A frame (RFC 9113 §4.1)."""
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def pairs(settings):
    """The payload of a SETTINGS frame."""
    return b"".join(struct.pack("!HI", key, value) for key, value in settings)


def head(path="/", method="GET", fields=()):
    """A request's head, each field a literal that is not indexed (RFC 7541 §6.2.2)."""
    start = {"GET": b"\x82", "POST": b"\x83"}.get(method) or b"\x02" + text(method)
    return start + b"\x87" + b"\x04" + text(path) + b"\x01" + text(f"{wire.NAME}:{wire.HTTPS}") + b"".join(
        b"\x00" + text(name) + text(value) for name, value in fields)


def indexed(name, value):
    """A literal field that the peer has to remember (RFC 7541 §6.2.1); it then is field 62."""
    return b"\x40" + text(name) + text(value)


def text(value):
    """A string (RFC 7541 §5.2)."""
    value = value.encode() if isinstance(value, str) else value
    return integer(len(value), 7) + value


def integer(value, bits):
    """An integer (RFC 7541 §5.1)."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([value])
    out, value = [most], value - most
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def noise(length):
    """Text of this length that says nothing."""
    return os.urandom(length // 2 + 1).hex()[:length]


# Statuses of the static table (RFC 7541 A).
STATUSES = {0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500}
