"""A gateway that keeps every byte that it gets and reads it in the narrowest sense of RFC 9112: what it cannot read so is `broken`."""
import re, socket, threading

HEAD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!-~\x80-\xff]+) HTTP/1\.1\r\n((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~\x80-\xff]*\r\n)*)\r\n")
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
TRAILERS = re.compile(rb"((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~\x80-\xff]*\r\n)*)\r\n")


class Broken(Exception):
    """Not HTTP/1.1 in its narrowest sense."""


class Request:
    """One whole request."""

    def __init__(self, method, target, fields, body, trailers):
        self.method, self.target, self.fields, self.body, self.trailers = method, target, fields, body, trailers

    def __repr__(self):
        return f"{self.method.decode()} {self.target[:60].decode('latin-1')} with {len(self.body)} bytes"


class Recorder:
    """The listener. Of a request for /deaf it reads the head at most."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._lock, self._requests, self._broken, self._deaf = threading.Lock(), [], [], []
        threading.Thread(target=self._accept, daemon=True).start()

    def forget(self):
        """Begins with an empty record."""
        with self._lock:
            self._requests, self._broken = [], []

    def seen(self):
        """Whole requests, and heads or bodies that were none."""
        with self._lock:
            return list(self._requests), list(self._broken)

    def _accept(self):
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        data = b""
        with connection:
            while True:
                try:
                    taken = self._take(data)
                    while taken:
                        request, data = taken
                        with self._lock:
                            self._requests.append(request)
                        ok = b"" if request.method == b"HEAD" else b"ok"
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + ok)
                        taken = self._take(data)
                    more = connection.recv(65536)
                except Broken as error:
                    with self._lock:
                        self._broken.append(f"{error}: {data[:200]!r}")
                    return
                except OSError:
                    return
                if not more:
                    return
                data += more
                if data.startswith(b"POST /deaf "):
                    self._deaf.append(connection.dup())
                    return

    @staticmethod
    def _take(data):
        """The first request and what is behind it; None if it is not all there."""
        if b"\r\n\r\n" not in data:
            return None
        head = HEAD.match(data)
        if not head:
            raise Broken("head")
        method, target, lines = head.groups()
        fields = [tuple(part.strip(b" \t") for part in line.split(b":", 1)) for line in lines.split(b"\r\n")[:-1]]
        lengths = [value for name, value in fields if name.lower() == b"content-length"]
        codings = [value.lower() for name, value in fields if name.lower() == b"transfer-encoding"]
        if len(lengths) + len(codings) > 1 or codings not in ([], [b"chunked"]) or not all(length.isdigit() for length in lengths):
            raise Broken("framing")
        at = head.end()
        if not codings:
            end = at + int(lengths[0] if lengths else 0)
            return None if len(data) < end else (Request(method, target, fields, data[at:end], b""), data[end:])
        body = b""
        while True:
            if b"\r\n" not in data[at:]:
                return None
            size = CHUNK.match(data, at)
            if not size:
                raise Broken("chunk")
            at, length = size.end(), int(size[1], 16)
            if length == 0:
                break
            if len(data) < at + length + 2:
                return None
            if data[at + length:at + length + 2] != b"\r\n":
                raise Broken("chunk end")
            body, at = body + data[at:at + length], at + length + 2
        if data[at:at + 2] != b"\r\n" and b"\r\n\r\n" not in data[at:]:
            return None
        trailers = TRAILERS.match(data, at)
        if not trailers:
            raise Broken("trailers")
        return Request(method, target, fields, body, trailers[1]), data[trailers.end():]
