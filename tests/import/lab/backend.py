"""The gateway of the comparison: it answers with what it got, byte for byte, and with its own name."""
import base64
import json
import socketserver
import threading

from .stream import Stream


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(10)
        self.stream = Stream(self.request)
        try:
            while self.one():
                pass
        except (EOFError, OSError, ValueError):
            pass

    def body(self, fields):
        if "chunked" in fields.get("transfer-encoding", ""):
            return self.stream.chunked()
        return self.stream.exactly(int(fields.get("content-length", 0)))

    def one(self):
        head = self.stream.until(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, version = first.split(" ", 2)
        pairs = [line.split(":", 1) for line in lines]
        pairs = [(name.strip().lower(), value.strip()) for name, value in pairs]
        fields = dict(pairs)
        seen = {"backend": self.server.name, "method": method, "target": target, "version": version, "fields": pairs}
        if fields.get("upgrade", "").lower() == "websocket" and "upgrade" in fields.get("connection", "").lower():
            return self.upgrade(seen, fields)
        seen["body"] = base64.b64encode(self.body(fields)).decode()
        answer = json.dumps(seen).encode()
        extra = "X-Powered-By: lab\r\nServer: lab\r\nSet-Cookie: a=b; Path=/\r\nSet-Cookie: c=d\r\n"
        status = "200 OK"
        if "status=404" in target:
            status = "404 Not Found"
        elif "status=302" in target:
            status = "302 Found"
            extra += "Location: /elsewhere?x=%2F\r\n"
        elif "status=503" in target:
            status = "503 Service Unavailable"
            extra += "Retry-After: 7\r\n"
        if "chunked" in target:
            framing = "Transfer-Encoding: chunked\r\n"
            payload = b"%x\r\n%s\r\n0\r\n\r\n" % (len(answer), answer)
        else:
            framing = f"Content-Length: {len(answer)}\r\n"
            payload = answer
        # A HEAD has no body to say it in.
        told = f"X-Seen: {base64.b64encode(answer).decode()}\r\n" if method == "HEAD" else ""
        stays = version == "HTTP/1.1" and "close" not in fields.get("connection", "").lower()
        # Unsaid, the proxy sends its next request on a connection that ends, and must not send a POST twice.
        ends = "" if stays else "Connection: close\r\n"
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{extra}{told}{ends}{framing}\r\n"
        self.request.sendall(head.encode() + (b"" if method == "HEAD" else payload))
        return stays

    def upgrade(self, seen, fields):
        import hashlib

        key = fields.get("sec-websocket-key", "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        told = base64.b64encode(json.dumps(seen).encode()).decode()
        protocol = fields.get("sec-websocket-protocol", "").split(",")[0].strip()
        chosen = f"Sec-WebSocket-Protocol: {protocol}\r\n" if protocol else ""
        head = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n{chosen}X-Seen: {told}\r\n\r\n"
        )
        # A frame right behind it, as the gateway's first one is.
        self.request.sendall(head.encode() + b"\x81\x05hello")
        while True:
            piece = self.stream.rest or self.request.recv(65536)
            self.stream.rest = b""
            if not piece:
                return False
            # A masked frame of up to 125 bytes comes back unmasked.
            size = piece[1] & 0x7F
            mask, payload = piece[2:6], piece[6 : 6 + size]
            plain = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
            self.request.sendall(bytes([piece[0], size]) + plain)
            if piece[0] & 0x0F == 8:
                return False


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def start(name):
    """A backend of this name; its port."""
    server = Server(("127.0.0.1", 0), Handler)
    server.name = name
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]
