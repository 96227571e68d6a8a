"""A client that sends exactly what it is told, and takes answers apart."""
import base64
import gzip
import json
import socket
import ssl

from .stream import Stream


def connect(port, host, tls):
    raw = socket.create_connection(("127.0.0.1", port), timeout=10)
    raw.settimeout(10)
    if not tls:
        return raw
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context.wrap_socket(raw, server_hostname=host.rsplit(":", 1)[0].lower())


class CutShort(EOFError):
    """The answer has a beginning and no end."""


class Answer(Stream):
    def __init__(self, sock, method):
        super().__init__(sock)
        head = self.until(b"\r\n\r\n").decode("latin-1")
        first, *lines = head.split("\r\n")
        self.status = int(first.split(" ")[1])
        pairs = [line.split(":", 1) for line in lines]
        self.fields = sorted((name.strip().lower(), value.strip()) for name, value in pairs)
        try:
            self.body = b"" if method == "HEAD" or self.status in (101, 204, 304) else self.take_body()
        except EOFError as error:
            raise CutShort(error) from error

    def take_body(self):
        fields = dict(self.fields)
        if "chunked" in fields.get("transfer-encoding", ""):
            return self.chunked()
        if "content-length" in fields:
            return self.exactly(int(fields["content-length"]))
        body = self.rest
        while piece := self.sock.recv(65536):
            body += piece
        return body

    def seen(self):
        """What the backend got; None when the proxy answered itself."""
        told = dict(self.fields).get("x-seen")
        text = base64.b64decode(told) if told else self.body
        if dict(self.fields).get("content-encoding") == "gzip" and not told:
            text = gzip.decompress(text)
        try:
            seen = json.loads(text)
        except ValueError:
            return None
        return seen if isinstance(seen, dict) and "backend" in seen else None


def ask(port, tls, host, request):
    """Sends one request; what came of it, as plain data."""
    method, target, fields, body = request["method"], request["target"], request["fields"], request.get("body", b"")
    lines = [f"{method} {target} HTTP/{request.get('version', '1.1')}"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in fields]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    sock = None
    try:
        sock = connect(port, host or "localhost", tls)
        sock.sendall(head + body)
        answer = Answer(sock, method)
        found = {"status": answer.status, "fields": answer.fields, "seen": answer.seen(), "body": answer.body}
        if answer.status == 101:
            found["frames"] = frames(answer)
        return found
    except (EOFError, OSError, ssl.SSLError) as error:
        return {"status": type(error).__name__, "fields": [], "seen": None, "body": b""}
    finally:
        if sock:
            sock.close()


def frames(answer):
    """The first frame, then an echo, then the end."""
    first = answer.exactly(7)
    mask = b"\x01\x02\x03\x04"

    def masked(first_byte, payload):
        return bytes([first_byte, 0x80 | len(payload)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))

    answer.sock.sendall(masked(0x81, b"some text"))
    echo = answer.exactly(2 + 9)
    answer.sock.sendall(masked(0x88, b"\x03\xe8bye"))
    close = answer.exactly(2 + 5)
    return [first.hex(), echo.hex(), close.hex()]
