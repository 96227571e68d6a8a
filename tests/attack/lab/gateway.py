"""A small gateway with bad habits: `python3 -m lab.gateway`, on 127.0.0.1:18789, its control on 127.0.0.1:18790.

    /  and anything else      200 "ok" when the whole body has come
    /bytes/N                  N bytes
    /endless                  a chunked answer without an end
    /events                   one event a second
    /silent                   no answer
    /slow/SECONDS             the answer comes late
    /hangup, /half            the connection ends, without an answer or within its head
    /early/STATUS             an answer as soon as the head is there, and no byte of the body is read after that
    /unread                   neither an answer nor a byte of the body is read
    /fields/N                 an answer with a head of N bytes
    /ws, /ws/push, /ws/deaf   a WebSocket that echoes, that sends without end, that reads nothing
    /startupz                 ready, as OpenClaw says it

On the control port: /stop and /start (the listener goes and comes, connections are cut), /deafen (connections are accepted
and nothing is read), /hear, /stats.
"""
import asyncio, base64, hashlib, json, resource, sys
from collections import Counter

PORT, CONTROL = 18789, 18790
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CHUNK = b"x" * 16384


class Gateway:
    """What all connections share."""

    def __init__(self):
        self.connections, self.most, self.requests, self.listener = set(), 0, Counter(), None
        self.deaf, self.bodies = False, 0

    async def start(self):
        """Listens."""
        loop = asyncio.get_running_loop()
        self.listener = self.listener or await loop.create_server(lambda: Connection(self), ("127.0.0.1", "10.99.0.20"), PORT, backlog=4096)

    def stop(self):
        """Cuts everything."""
        if self.listener:
            self.listener.close()
            self.listener = None
        for connection in list(self.connections):
            connection.transport.abort()

    def stats(self):
        """How it is."""
        return {"open": len(self.connections), "most": self.most, "requests": dict(self.requests), "bodies": self.bodies}


class Connection(asyncio.Protocol):
    """One connection of frontgate's."""

    def __init__(self, gateway):
        self.gateway, self.transport, self.data = gateway, None, bytearray()
        self.take, self.resumed, self.task = self.take_head, asyncio.Event(), None
        self.left, self.path, self.fields = 0, "", {}
        self.resumed.set()

    def connection_made(self, transport):
        self.transport = transport
        transport.set_write_buffer_limits(high=65536)
        self.gateway.connections.add(self)
        self.gateway.most = max(self.gateway.most, len(self.gateway.connections))
        if self.gateway.deaf:
            transport.pause_reading()

    def connection_lost(self, exc):
        self.gateway.connections.discard(self)
        self.resumed.set()
        if self.task:
            self.task.cancel()

    def pause_writing(self):
        self.resumed.clear()

    def resume_writing(self):
        self.resumed.set()

    def data_received(self, data):
        self.data += data
        while self.data and self.take():
            pass

    def eof_received(self):
        return False

    def take_head(self):
        """Takes a head; False when it is not there yet, as the other `take_` do."""
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return False
        lines = self.data[:end].decode("latin-1").split("\r\n")
        del self.data[:end + 4]
        self.path = lines[0].split(" ")[1].split("?")[0]
        self.fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.gateway.requests[self.path.split("/")[1]] += 1
        word = self.path.split("/")[1]
        if "upgrade" in self.fields and word == "ws":
            return self.upgrade()
        if word in ("early", "unread", "hangup", "half", "silent"):
            return getattr(self, word)()
        if self.fields.get("transfer-encoding", "").lower() == "chunked":
            self.take = self.take_chunks
        else:
            self.left = int(self.fields.get("content-length", 0))
            self.take = self.take_body
            if not self.left:
                return self.answer()
        return True

    def take_body(self):
        """Takes what there is of a body."""
        taken = min(self.left, len(self.data))
        del self.data[:taken]
        self.left -= taken
        self.gateway.bodies += taken
        return self.answer() if not self.left else False

    def take_chunks(self):
        """Takes one chunk."""
        line = self.data.find(b"\r\n")
        if line < 0:
            return False
        size = int(bytes(self.data[:line]).split(b";")[0], 16)
        if size:
            if len(self.data) < line + size + 4:
                return False
            self.gateway.bodies += size
            del self.data[:line + size + 4]
            return True
        # Trailers, and the empty line.
        end = self.data.find(b"\r\n\r\n", line)
        if end < 0:
            return False
        del self.data[:end + 4]
        return self.answer()

    def answer(self):
        """The whole request is here."""
        self.take = self.take_head
        word, _, rest = self.path[1:].partition("/")
        if word == "startupz":
            self.reply(b'{"ok":true,"status":"started"}', "application/json")
        elif word == "bytes":
            self.later(self.send(int(rest), True))
        elif word == "endless":
            self.later(self.send(1 << 50, False))
        elif word == "events":
            self.later(self.events())
        elif word == "slow":
            self.later(self.late(float(rest)))
        elif word == "fields":
            field = "".join(f"X-Field-{n}: {'v' * 1000}\r\n" for n in range(int(rest) // 1014))
            self.transport.write(f"HTTP/1.1 200 OK\r\n{field}Content-Length: 2\r\n\r\nok".encode())
        else:
            self.reply(b"ok", "text/plain")
        return True

    def reply(self, body, kind, status=200, extra=""):
        """An answer in one piece."""
        self.transport.write(f"HTTP/1.1 {status} Said\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body)

    def early(self):
        """The body stays where it is."""
        self.reply(b"early\n", "text/plain", int(self.path.split("/")[2]), "Connection: close\r\n")
        return self.unread()

    def unread(self):
        """So does everything that follows."""
        self.transport.pause_reading()
        return False

    def silent(self):
        """What follows is read, and not answered."""
        self.take = lambda: False
        return False

    def hangup(self):
        """Goes."""
        self.transport.abort()
        return False

    def half(self):
        """Goes in the middle of a head."""
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-")
        self.transport.close()
        return False

    def later(self, work):
        """Answers, and reads on when that is done."""
        self.take = lambda: False
        async def run():
            await work
            self.take = self.take_head
            self.data_received(b"")
        self.task = asyncio.ensure_future(run())

    async def send(self, length, known):
        """A long answer, as fast as it is taken."""
        self.transport.write(f"HTTP/1.1 200 OK\r\n{f'Content-Length: {length}' if known else 'Transfer-Encoding: chunked'}\r\n\r\n".encode())
        while length > 0:
            piece = CHUNK[:length]
            self.transport.write(piece if known else f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            length -= len(piece)
            await self.resumed.wait()
            if self.transport.is_closing():
                return
            await asyncio.sleep(0)

    async def events(self):
        """An event stream."""
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not self.transport.is_closing():
            self.transport.write(b"9\r\ndata: 1\n\n\r\n")
            await asyncio.sleep(1)

    async def late(self, seconds):
        """An answer that is late."""
        await asyncio.sleep(seconds)
        self.reply(b"late", "text/plain")

    def upgrade(self):
        """Becomes a WebSocket."""
        key = base64.b64encode(hashlib.sha1(self.fields["sec-websocket-key"].encode() + GUID).digest()).decode()
        self.transport.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                             f"Sec-WebSocket-Accept: {key}\r\n\r\n".encode())
        self.take = self.take_frame
        if self.path == "/ws/push":
            self.later(self.push())
        elif self.path == "/ws/deaf":
            self.transport.pause_reading()
        return True

    async def push(self):
        """Messages without end."""
        message = b"\x82\x7e\x10\x00" + CHUNK[:4096]
        while not self.transport.is_closing():
            self.transport.write(message)
            await self.resumed.wait()
            await asyncio.sleep(0)

    def take_frame(self):
        """Echoes a frame."""
        data = self.data
        if len(data) < 2:
            return False
        size, at = data[1] & 127, 2
        if size == 126:
            size, at = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, at = int.from_bytes(data[2:10], "big"), 10
        if len(data) < at + 4 + size:
            return False
        first, mask, payload = data[0], data[at:at + 4], bytes(data[at + 4:at + 4 + size])
        del self.data[:at + 4 + size]
        if any(mask):
            payload = bytes(byte ^ mask[n & 3] for n, byte in enumerate(payload))
        opcode = first & 15
        if opcode == 8:
            self.transport.write(bytes([0x88, len(payload)]) + payload)
            self.transport.close()
        elif opcode != 10 and self.resumed.is_set():
            first = (first & 0xF0) | (10 if opcode == 9 else opcode)
            length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big") if size < 65536 else b"\x7f" + size.to_bytes(8, "big")
            self.transport.write(bytes([first]) + length + payload)
        return True


async def control(gateway, reader, writer):
    """One order."""
    line = await reader.readline()
    word = line.split(b" ")[1].decode()[1:]
    if word == "stop":
        gateway.stop()
    elif word == "start":
        await gateway.start()
    elif word in ("deafen", "hear"):
        gateway.deaf = word == "deafen"
    body = json.dumps(gateway.stats()).encode()
    writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()
    writer.close()


async def main():
    """Serves until its input ends."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    gateway, loop = Gateway(), asyncio.get_running_loop()
    await gateway.start()
    await asyncio.start_server(lambda reader, writer: control(gateway, reader, writer), "127.0.0.1", CONTROL)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
