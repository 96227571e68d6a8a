"""WebSockets over HTTP/2 (RFC 8441): python's h2 as the client, an echoing gateway behind frontgate.

Each case has a connection of its own. It says what was wrong, or nothing."""
import asyncio, threading

from . import frontgate
from .http2_client import Client, pseudo
from .rfc8441_cases import CASES

NEEDS = ["h2==4.4.1", "wsproto==1.3.2"]
KNOWN = {}


def run(report):
    """Runs the suite."""
    gateway = Gateway()
    # The gateway ends a connection whose handshake it does not like, as one that restarts does.
    with frontgate.Frontgate(f"http://127.0.0.1:{gateway.port}", hold="1s") as running:
        for section, name, case in CASES:
            client = Client(running, settings=getattr(case, "settings", {}))
            try:
                report.case(f"{section} {name}", case(client) or "")
            except OSError as error:
                report.case(f"{section} {name}", f"{error}; seen {client.said()}")
            finally:
                client.close()
        client = Client(running)
        stream = client.ask(pseudo())
        report.case("frontgate still serves", "" if client.status(stream) == 200 else client.said())
        client.close()
    gateway.end()


class Gateway:
    """The echoing gateway, on a thread of its own."""

    def __init__(self):
        from .echo import Echo, port  # pylint: disable=import-outside-toplevel
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        # A handshake that it does not like ends its connection; that is no news.
        self.loop.set_exception_handler(lambda *_: None)
        self.port = port(asyncio.run_coroutine_threadsafe(Echo.serve(), self.loop).result(10))

    def end(self):
        """Ends it."""
        self.loop.call_soon_threadsafe(self.loop.stop)
