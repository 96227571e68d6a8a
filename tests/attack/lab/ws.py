"""WebSockets from a client's side, frame by frame (RFC 6455)."""
import os, struct
from lab import wire

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def connect(source, path="/ws", receive=None, timeout=10, extra=""):
    """An open WebSocket; an `OSError` when the answer is not 101."""
    sock = wire.tls(source, receive=receive, timeout=timeout)
    sock.sendall(wire.get(path, UPGRADE.format(KEY) + extra))
    answer = wire.head(sock)
    if not answer or answer[0] != 101:
        sock.close()
        raise OSError(f"no WebSocket: {answer and answer[0]}")
    return sock


def frame(opcode, payload=b"", final=True, masked=True):
    """A frame."""
    head = bytes([(0x80 if final else 0) | opcode])
    mask = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([mask | len(payload)])
    elif len(payload) < 65536:
        head += struct.pack("!BH", mask | 126, len(payload))
    else:
        head += struct.pack("!BQ", mask | 127, len(payload))
    if not masked:
        return head + payload
    # A mask of zeros leaves the payload as it is.
    return head + b"\0\0\0\0" + payload


def echo(sock, size=32):
    """Sends a message and waits for it to come back."""
    sent = os.urandom(size)
    sock.sendall(frame(BINARY, sent))
    while True:
        opcode, payload = receive(sock)
        if opcode == BINARY:
            return payload == sent
        if opcode == CLOSE:
            raise OSError(f"closed {close_code(payload)}")


def receive(sock):
    """The next frame: (opcode, payload)."""
    first, second = exactly(sock, 2)
    length = second & 127
    if length == 126:
        length = struct.unpack("!H", exactly(sock, 2))[0]
    elif length == 127:
        length = struct.unpack("!Q", exactly(sock, 8))[0]
    return first & 15, exactly(sock, length)


def ending(sock):
    """Reads to the end: the close code, or how it ended without one."""
    try:
        while True:
            opcode, payload = receive(sock)
            if opcode == CLOSE:
                return close_code(payload)
    except OSError as error:
        return type(error).__name__


def close_code(payload):
    """The code in a Close."""
    return struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005


def exactly(sock, length):
    """So many bytes."""
    data = b""
    while len(data) < length:
        more = sock.recv(length - len(data))
        if not more:
            raise ConnectionError("ended")
        data += more
    return data
