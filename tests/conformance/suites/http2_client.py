"""A client of HTTP/2 by python's h2, which waits for what a case asks for; and WebSocket frames."""
import struct, time

from .frontgate import NAME

# No verdict depends on it, only when a peer that does not answer is given up.
PATIENCE = 10
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
MASK = b"\x37\xfa\x21\x3d"


def pseudo(method="CONNECT", protocol="websocket", scheme="https", authority=NAME, path="/echo"):
    """The pseudo-header fields of a WebSocket's CONNECT and its version; those that are None are left out."""
    named = ((":method", method), (":protocol", protocol), (":scheme", scheme), (":authority", authority), (":path", path))
    return [pair for pair in named if pair[1] is not None] + [("sec-websocket-version", "13")]


def message(opcode, payload, mask=MASK):
    """A frame, masked as a client's are."""
    size = len(payload)
    bit = 0x80 if mask else 0
    if size < 126:
        head = bytes([0x80 | opcode, bit | size])
    elif size < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, bit | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, bit | 127, size)
    if not mask:
        return head + payload
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


class Stream:
    """What came on a stream."""

    def __init__(self):
        self.fields, self.data, self.ended, self.reset = None, b"", False, None


class Client:
    """A connection. It reads at full speed, unless `reads` is taken away."""

    def __init__(self, running, settings=None):
        import h2.config, h2.connection, h2.settings  # pylint: disable=import-outside-toplevel
        # What it sends may be wrong on purpose.
        config = h2.config.H2Configuration(client_side=True, validate_outbound_headers=False, normalize_outbound_headers=False,
                                           header_encoding="utf-8")
        self.sock, self.h2 = running.dial("h2"), h2.connection.H2Connection(config)
        if settings:
            self.h2.local_settings = h2.settings.Settings(client=True, initial_values=settings)
        self.h2.initiate_connection()
        self.streams, self.settings, self.gone, self.ponged, self.reads = {}, None, None, 0, True
        self.flush()

    def flush(self):
        """Sends what the library has to say."""
        data = self.h2.data_to_send()
        if data:
            self.sock.sendall(data)

    def ask(self, fields, end=False):
        """Begins a stream."""
        stream = self.h2.get_next_available_stream_id()
        self.streams[stream] = Stream()
        self.h2.send_headers(stream, fields, end_stream=end)
        self.flush()
        return stream

    def open(self, *more):
        """Opens a WebSocket."""
        stream = self.ask([*pseudo(), *more])
        if self.status(stream) != 200:
            raise OSError("no WebSocket")
        return stream

    def send(self, stream, data, end=False, pad=None):
        """Sends bytes as the windows allow."""
        while True:
            room = min(len(data), self.h2.local_flow_control_window(stream) - (pad or 0) - 1, 16384 - 256)
            if room > 0 or not data:
                piece, data = data[:max(room, 0)], data[max(room, 0):]
                self.h2.send_data(stream, piece, end_stream=end and not data, pad_length=pad)
                self.flush()
                if not data:
                    return
            elif not self.until(lambda: self.h2.local_flow_control_window(stream) > (pad or 0) + 1):
                raise OSError("no window")

    def until(self, done, seconds=PATIENCE):
        """Reads until `done` says so; whether it did."""
        end = time.monotonic() + seconds
        while not done():
            left = end - time.monotonic()
            if left <= 0 or self.gone:
                return False
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                return False
            if not data:
                self.gone = "the end"
                return done()
            self._take(data)
            self.flush()
        return True

    def status(self, stream):
        """The status of the answer; None if there was none."""
        came = self.streams[stream]
        self.until(lambda: came.fields is not None or came.reset is not None)
        return int(came.fields[":status"]) if came.fields else None

    def expect(self, stream, wanted):
        """Waits for these bytes; what is wrong."""
        came = self.streams[stream]
        if not self.until(lambda: len(came.data) >= len(wanted)) or came.data[:len(wanted)] != wanted:
            return f"expected {wanted[:40]!r}, seen {came.data[:60]!r}; {self.said()}"
        came.data = came.data[len(wanted):]
        return ""

    def caught_up(self):
        """Waits until everything that the server had to say before has come."""
        before = self.ponged
        self.h2.ping(b"caughtup")
        self.flush()
        return self.until(lambda: self.ponged > before)

    def said(self):
        """What came."""
        streams = [f"{number}: {(came.fields or {}).get(':status')} {len(came.data)} bytes, ended {came.ended}, reset {came.reset}"
                   for number, came in self.streams.items()]
        return "; ".join([*streams, f"gone: {self.gone}"])

    def close(self):
        """Ends it."""
        self.sock.close()

    def _take(self, data):
        from h2 import events  # pylint: disable=import-outside-toplevel
        for event in self.h2.receive_data(data):
            came = self.streams.get(getattr(event, "stream_id", None))
            if isinstance(event, events.RemoteSettingsChanged):
                self.settings = {**(self.settings or {}), **{int(key): change.new_value for key, change in event.changed_settings.items()}}
            elif isinstance(event, events.ResponseReceived):
                came.fields = dict(event.headers)
            elif isinstance(event, events.DataReceived):
                came.data += event.data
                if self.reads and event.flow_controlled_length:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, events.StreamEnded):
                came.ended = True
            elif isinstance(event, events.StreamReset):
                came.reset = int(event.error_code)
            elif isinstance(event, events.ConnectionTerminated):
                self.gone = f"GOAWAY {int(event.error_code)}"
            elif isinstance(event, events.PingAckReceived):
                self.ponged += 1
