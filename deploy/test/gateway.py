#!/usr/bin/env python3
"""gateway.py ADDRESS PORT [CERT KEY]   a stand-in for the OpenClaw gateway, where a test asks only what a proxy tells it.

Every request is answered with JSON: the peer, the Host and the forwarding headers that it came with. A WebSocket gets the
same as its first message, then an echo of each message. `/healthz`, `/startupz` and `/readyz` answer like the gateway's.
"""
import base64
import hashlib
import json
import socket
import socketserver
import ssl
import sys

TOLD = ("host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "cf-connecting-ip")


class Gateway(socketserver.StreamRequestHandler):
    def handle(self):
        while head := read_head(self.rfile):
            line, headers = head
            told = {name: headers[name] for name in TOLD if name in headers}
            told.update(peer=self.client_address[0], target=line.split()[1])
            body = json.dumps(told).encode()
            if headers.get("upgrade", "").lower() == "websocket":
                return self.websocket(headers["sec-websocket-key"], body)
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def websocket(self, key, first):
        accept = base64.b64encode(hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + frame(1, first)
        )
        while True:
            opcode, payload = read_frame(self.rfile)
            if opcode in (8, None):
                if opcode == 8:
                    self.wfile.write(frame(8, payload))
                return
            if opcode != 10:
                self.wfile.write(frame(10 if opcode == 9 else opcode, payload))


def read_head(stream):
    """The request line and the fields, by their names in lower case; None at the end."""
    lines = []
    while (line := stream.readline(65536)) not in (b"\r\n", b""):
        lines.append(line.decode("latin-1").strip())
    if not lines:
        return None
    return lines[0], {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}


def read_frame(stream):
    """Opcode and payload of a frame; (None, b"") at the end."""
    start = stream.read(2)
    if len(start) < 2:
        return None, b""
    length = start[1] & 127
    if length > 125:
        length = int.from_bytes(stream.read(2 if length == 126 else 8), "big")
    mask = stream.read(4) if start[1] & 128 else bytes(4)
    payload = stream.read(length)
    return start[0] & 15, bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def frame(opcode, payload, mask=b""):
    """A whole frame; with a mask, as clients send it."""
    length = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big")
    length = bytes([length[0] | (128 if mask else 0)]) + length[1:]
    payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)) if mask else payload
    return bytes([128 | opcode]) + length + mask + payload


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    address_family = socket.AF_INET


if __name__ == "__main__":
    with Server((sys.argv[1], int(sys.argv[2])), Gateway) as server:
        if sys.argv[3:]:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*sys.argv[3:])
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.serve_forever()
