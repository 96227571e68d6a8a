"""Honest clients, in a process of their own so that no attacker takes their time: `python3 -m lab.honest KIND=NUMBER...`

    h1    requests on a connection that stays       new   a connection for each request
    h2    requests on an HTTP/2 connection          ws    a WebSocket that is sent a message and gives it back
    ask=SECONDS   how often each asks (default 0.2)     first=N   the first client address (default 200)

Each has an address of its own. It prints `ready` when all are connected, and, when its input ends, one line of JSON: for each
kind what was answered, what was not and why, and the milliseconds that it took (p50, p99, max). A connection that breaks is
opened again; the time until then counts for the request that finds it broken.
"""
import asyncio, base64, json, os, sys, time
from collections import Counter
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, ResponseReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes
from lab import sandbox, wire

PATIENCE = 30


class Figures:
    """What became of one kind's requests."""

    def __init__(self):
        self.times, self.failures = [], Counter()

    def shown(self):
        """For JSON."""
        times = sorted(self.times) or [0.0]
        at = lambda part: round(1000 * times[min(len(times) - 1, int(part * len(times)))], 1)
        return {"answered": len(self.times), "failed": dict(self.failures), "p50": at(0.5), "p99": at(0.99), "max": at(1)}


async def opened(source, alpn):
    """A TLS connection."""
    return await asyncio.open_connection(sandbox.FRONTGATE, wire.HTTPS, ssl=wire.context(alpn), server_hostname=wire.NAME,
                                         local_addr=(source, 0))


class H1:
    """Requests on one connection."""

    def __init__(self, source):
        self.source, self.streams = source, None

    async def connect(self):
        """Connects."""
        self.streams = await opened(self.source, "http/1.1")

    async def ask(self):
        """One request."""
        reader, writer = self.streams
        writer.write(wire.get("/honest"))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise OSError(f"status {head[9:12].decode()}")
        await reader.readexactly(2)

    def drop(self):
        """Leaves."""
        if self.streams:
            self.streams[1].transport.abort()
            self.streams = None


class New(H1):
    """A connection for each request."""

    async def ask(self):
        self.drop()
        await self.connect()
        await super().ask()


class H2(H1):
    """Requests on an HTTP/2 connection."""

    def __init__(self, source):
        super().__init__(source)
        self.http = None

    async def connect(self):
        self.streams = await opened(self.source, "h2")
        self.http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.http.initiate_connection()
        self.http.update_settings({SettingCodes.ENABLE_PUSH: 0})
        self.streams[1].write(self.http.data_to_send())

    async def ask(self):
        reader, writer = self.streams
        stream = self.http.get_next_available_stream_id()
        self.http.send_headers(stream, [(":method", "GET"), (":scheme", "https"), (":authority", f"{wire.NAME}:{wire.HTTPS}"),
                                        (":path", "/honest")], end_stream=True)
        while True:
            writer.write(self.http.data_to_send())
            data = await reader.read(65536)
            if not data:
                raise ConnectionError("ended")
            for event in self.http.receive_data(data):
                if isinstance(event, ResponseReceived) and dict(event.headers)[":status"] != "200":
                    raise OSError(f"status {dict(event.headers)[':status']}")
                if isinstance(event, (StreamReset, ConnectionTerminated)):
                    raise OSError(type(event).__name__)
                if isinstance(event, StreamEnded) and event.stream_id == stream:
                    return


class WebSocket(H1):
    """A WebSocket with an echo."""

    async def connect(self):
        await super().connect()
        reader, writer = self.streams
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(wire.get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                     f"Sec-WebSocket-Key: {key}\r\n"))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise OSError(f"status {head[9:12].decode()}")

    async def ask(self):
        reader, writer = self.streams
        payload = os.urandom(32)
        writer.write(b"\x82\xa0\0\0\0\0" + payload)
        while True:
            first, size = await reader.readexactly(2)
            got = await reader.readexactly(size)
            if first & 15 == 2:
                if got != payload:
                    raise OSError("another message")
                return
            if first & 15 == 8:
                raise OSError(f"closed {int.from_bytes(got[:2], 'big')}")
            if first & 15 == 9:
                writer.write(b"\x8a" + bytes([0x80 | size]) + b"\0\0\0\0" + got)


KINDS = {"h1": H1, "new": New, "h2": H2, "ws": WebSocket}


async def live(client, figures, every, up, ended):
    """Asks again and again."""
    connected = False
    while not ended.is_set():
        began = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                if not connected:
                    await client.connect()
                    connected = True
                    up.release()
                    if began < START + 5:
                        # The first connection is opened in peace and does not count.
                        began = time.monotonic()
                await client.ask()
            figures.times.append(time.monotonic() - began)
        except Exception as error:  # pylint: disable=broad-except
            if not ended.is_set():
                figures.failures[f"{type(error).__name__}: {error}"[:80]] += 1
            client.drop()
            connected = False
            await asyncio.sleep(0.1)
        await asyncio.sleep(max(0.0, every - (time.monotonic() - began)))
    client.drop()


async def main(words):
    """Runs all of them until its input ends."""
    every, number = float(words.pop("ask", 0.2)), int(words.pop("first", 200))
    ended, up, tasks, kinds = asyncio.Event(), asyncio.Semaphore(0), [], {}
    for kind, count in words.items():
        kinds[kind] = Figures()
        for _ in range(int(count)):
            source = sandbox.client(200 + (number - 200) % 50)
            number += 1
            tasks.append(asyncio.create_task(live(KINDS[kind](source), kinds[kind], every, up, ended)))
            await asyncio.sleep(0.005)
    for _ in tasks:
        await up.acquire()
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        if line.strip() == "mark":
            for figures in kinds.values():
                figures.times.clear()
                figures.failures.clear()
        print(json.dumps({kind: figures.shown() for kind, figures in kinds.items()}), flush=True)
    ended.set()
    await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()


START = time.monotonic()

if __name__ == "__main__":
    asyncio.run(main(dict(word.split("=") for word in sys.argv[1:])))
