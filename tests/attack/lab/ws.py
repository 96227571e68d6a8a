"""WebSockets from a client's side, frame by frame (RFC 6455)."""
import os, ssl, struct, time
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


def flood(sock, piece, most, pause=0.01):
    """Sends the piece up to so many times and reads what comes: (how often, the close code, or how it ended, or None)."""
    sent, data, ended = 0, b"", None
    sock.settimeout(0.002)
    for _ in range(most):
        try:
            # A piece that is not taken whole ends the attempt: half a frame would be another attack.
            sock.settimeout(5)
            sock.sendall(piece)
            sent += 1
        except OSError as error:
            ended = type(error).__name__
        data, code = drained(sock, data, pause)
        if code or ended:
            return sent, code or ended
    data, code = drained(sock, data, 1.0)
    return sent, code


def drained(sock, data, seconds):
    """Reads for so long: (what is left of the bytes, the close code or how it ended, or None)."""
    end = time.monotonic() + seconds
    while True:
        sock.settimeout(max(0.001, end - time.monotonic()))
        try:
            more = sock.recv(65536)
            if not more:
                return data, "end"
            data += more
        except (TimeoutError, ssl.SSLWantReadError):
            return data, None
        except OSError as error:
            return data, type(error).__name__
        while len(data) >= 2 and len(data) >= 2 + (data[1] & 127):
            size = data[1] & 127
            if data[0] & 15 == CLOSE:
                return data, close_code(data[2:2 + size])
            data = data[2 + size:]


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
