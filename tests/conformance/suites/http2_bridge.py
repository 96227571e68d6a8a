"""Carries a client that speaks HTTP/1.1 and opens one WebSocket to frontgate over HTTP/2 (RFC 8441)."""
import asyncio, base64, hashlib

from . import frontgate

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LEFT_BEHIND = {b"host", b"connection", b"upgrade", b"sec-websocket-key"}


class Http2Bridge:
    """Each connection of the client becomes one of HTTP/2 with one stream."""

    def __init__(self, running):
        self.port, self.context = running.port, running.tls("h2")
        self.tasks = set()

    async def carry(self, reader, writer):
        """One connection."""
        self.tasks.add(asyncio.current_task())
        try:
            await Carried(self.port, self.context).carry(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self.tasks.discard(asyncio.current_task())


class Carried:
    """One WebSocket."""

    def __init__(self, port, context):
        import h2.config, h2.connection  # pylint: disable=import-outside-toplevel
        config = h2.config.H2Configuration(client_side=True, header_encoding=None)
        self.port, self.context, self.h2 = port, context, h2.connection.H2Connection(config)
        self.room, self.stream, self.far = asyncio.Event(), None, None

    async def carry(self, reader, writer):
        """Carries it to its end."""
        head = await reader.readuntil(b"\r\n\r\n")
        far_reader, self.far = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.context, server_hostname=frontgate.NAME)
        try:
            self.h2.initiate_connection()
            self.far.write(self.h2.data_to_send())
            down = asyncio.create_task(self.down(far_reader, writer, head))
            up = asyncio.create_task(self.up(reader))
            await down
            up.cancel()
        finally:
            self.far.close()

    def ask(self, head):
        """Sends the handshake."""
        lines = head[:-4].split(b"\r\n")
        target = lines[0].split(b" ")[1]
        fields = [tuple(part.strip() for part in line.split(b":", 1)) for line in lines[1:]]
        passing = [(name.lower(), value) for name, value in fields if name.lower() not in LEFT_BEHIND]
        self.stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(self.stream, [(b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":scheme", b"https"),
                                           (b":authority", frontgate.NAME.encode()), (b":path", target), *passing])
        return dict((name.lower(), value) for name, value in fields)

    async def up(self, reader):
        """What the client sends."""
        while data := await reader.read(65536):
            while data:
                room = min(self.h2.local_flow_control_window(self.stream), 16384) if self.stream else 0
                if room <= 0:
                    self.room.clear()
                    await self.room.wait()
                    continue
                self.h2.send_data(self.stream, data[:room])
                data = data[room:]
                self.far.write(self.h2.data_to_send())
                await self.far.drain()
        self.h2.end_stream(self.stream)
        self.far.write(self.h2.data_to_send())

    async def down(self, reader, writer, head):
        """What frontgate sends."""
        from h2 import events  # pylint: disable=import-outside-toplevel
        asked = None
        while data := await reader.read(65536):
            for event in self.h2.receive_data(data):
                if isinstance(event, events.RemoteSettingsChanged) and asked is None:
                    asked = self.ask(head)
                elif isinstance(event, events.ResponseReceived):
                    writer.write(answer(event.headers, asked[b"sec-websocket-key"]))
                elif isinstance(event, events.DataReceived):
                    writer.write(event.data)
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, (events.StreamEnded, events.StreamReset, events.ConnectionTerminated)):
                    return
            self.room.set()
            self.far.write(self.h2.data_to_send())
            await writer.drain()


def answer(fields, key):
    """The answer to a handshake, as HTTP/1.1 has it."""
    status = dict(fields)[b":status"]
    start = b"101 Switching Protocols" if status == b"200" else status + b" Refused"
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    own = [(b"connection", b"Upgrade"), (b"upgrade", b"websocket"), (b"sec-websocket-accept", accept)] if status == b"200" else []
    lines = [name + b": " + value for name, value in [*fields, *own] if not name.startswith(b":")]
    return b"HTTP/1.1 " + b"\r\n".join([start, *lines]) + b"\r\n\r\n"
