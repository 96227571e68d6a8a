"""A gateway and a client of WebSockets, in bytes: as slow, rude or quick as a scenario needs them."""
import base64
import hashlib
import os
import socket
import struct
import threading
import time


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def head_of(link):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        more = link.recv(1)
        if not more:
            raise OSError("it ended in a head")
        head += more
    return head


def upgrade(port):
    """Asks for a WebSocket; the connection behind the answer's head, whatever that is."""
    link = socket.create_connection(("127.0.0.1", port), timeout=10)
    key = base64.b64encode(os.urandom(16)).decode()
    link.sendall(f"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
    return Opened(link, head_of(link))


class Opened:
    def __init__(self, link, head):
        self.link, self.head = link, head

    def close(self):
        self.link.close()


def exactly(link, count):
    data = b""
    while len(data) < count:
        more = link.recv(min(count - len(data), 1 << 16))
        if not more:
            raise OSError("it ended")
        data += more
    return data


def frame(link):
    """The next frame: its opcode and its payload, unmasked."""
    first, second = exactly(link, 2)
    length = second & 0x7F
    if length == 126:
        length, = struct.unpack(">H", exactly(link, 2))
    elif length == 127:
        length, = struct.unpack(">Q", exactly(link, 8))
    mask = exactly(link, 4) if second & 0x80 else None
    payload = exactly(link, length)
    if mask:
        payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload)) if length < 126 else payload
    return first & 0x0F, payload


def written(opcode, payload, masked):
    length = len(payload)
    bit = 0x80 if masked else 0
    if length < 126:
        head = struct.pack(">BB", 0x80 | opcode, bit | length)
    elif length < 1 << 16:
        head = struct.pack(">BBH", 0x80 | opcode, bit | 126, length)
    else:
        head = struct.pack(">BBQ", 0x80 | opcode, bit | 127, length)
    # A mask of zeros leaves the payload as it is.
    return head + (b"\0\0\0\0" if masked else b"") + payload


def answer_pings(link, masked, pong_after):
    try:
        while True:
            opcode, payload = frame(link)
            if opcode == 9:
                time.sleep(pong_after)
                link.sendall(written(10, payload, masked))
    except OSError:
        pass


def discard(link):
    try:
        while link.recv(1 << 20):
            pass
    except OSError:
        pass


class Gateway:
    """Is ready, grants every handshake or answers all with `answer`, and then does `then` or reads what comes."""

    def __init__(self, answer=None, then=None, pong_after=0.0):
        self.answer, self.then, self.pong_after = answer, then, pong_after
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.links = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            self.links.append(link)
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def serve(self, link):
        try:
            while True:
                head = head_of(link)
                if b"/startupz" in head.split(b"\r\n")[0]:
                    link.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}")
                elif self.answer:
                    link.sendall(self.answer)
                else:
                    break
            key = next(line.split(b":", 1)[1].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
            accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
            link.sendall(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode())
            if self.then:
                self.then(link)
            elif self.pong_after:
                answer_pings(link, False, self.pong_after)
            else:
                serve_fast(link)
        except (OSError, StopIteration):
            pass

    def end(self):
        self.listener.close()
        for link in self.links:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            link.close()


def serve_fast(link):
    """Answers pings as long as there is nothing else, and discards whatever is large."""
    while True:
        data = link.recv(1 << 20)
        if not data:
            return
        length = data[1] & 0x7F if len(data) > 1 else 0
        if data[0] == 0x89 and data[1] & 0x80 and len(data) == 6 + length:
            link.sendall(written(10, bytes(byte ^ data[2 + index % 4] for index, byte in enumerate(data[6:])), False))


class Client:
    """A WebSocket through frontgate."""

    def __init__(self, port, pong_after=0.0):
        self.link = upgrade(port).link
        self.link.settimeout(None)
        threading.Thread(target=answer_pings, args=(self.link, True, pong_after), daemon=True).start()
        self.many = written(2, b"", True) * 10_000

    def flood(self, size):
        self.link.sendall(written(2, b"x" * size, True))

    def flood_of_frames(self):
        self.link.sendall(self.many)

    def drain(self):
        """Until the other side ends it."""
        discard(self.link)
        self.link.close()

    def close(self):
        self.link.close()
