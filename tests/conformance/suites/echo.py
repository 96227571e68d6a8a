"""A WebSocket gateway that echoes: each message is answered in the very call that brought its last byte, so a message is answered
even where an invalid frame is right behind it. Knows permessage-deflate."""
import asyncio

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Message, Ping, RejectConnection, Request
from wsproto.extensions import PerMessageDeflate
from wsproto.utilities import RemoteProtocolError


class Echo(asyncio.Protocol):
    """One connection."""

    def __init__(self):
        self.socket, self.transport, self.parts = WSConnection(ConnectionType.SERVER), None, []

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        try:
            self.socket.receive_data(data)
        except RemoteProtocolError as error:
            # A handshake that is none.
            self._send(error.event_hint or RejectConnection())
            self.transport.close()
            return
        for event in self.socket.events():
            self._take(event)

    def _take(self, event):
        if isinstance(event, Request):
            self._send(AcceptConnection(extensions=[PerMessageDeflate()]))
        elif isinstance(event, Ping):
            self._send(event.response())
        elif isinstance(event, CloseConnection):
            self._send(event.response())
            self.transport.close()
        elif isinstance(event, Message):
            self.parts.append(event.data)
            if event.message_finished:
                whole = (b"" if isinstance(event, BytesMessage) else "").join(self.parts)
                self.parts = []
                self._send(type(event)(data=whole))

    def _send(self, event):
        if not self.transport.is_closing():
            self.transport.write(self.socket.send(event))

    @staticmethod
    async def serve():
        """Listens at a free port of loopback."""
        return await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)


def port(server):
    """Where a server listens."""
    return server.sockets[0].getsockname()[1]
