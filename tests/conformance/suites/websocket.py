"""WebSockets (RFC 6455, RFC 7692): Autobahn's fuzzing client at an echoing gateway, with and without frontgate.

kosoku runs the cases, through frontgate with TLS. Both ways must get the same verdict, close code and messages; no case differs by design, because frontgate, where it
refuses a frame itself, says 1002, which is what RFC 6455 wants of any server.

With CONFORMANCE_HTTP2=1 the way through frontgate is HTTP/2 (RFC 8441).

Without CONFORMANCE_ALL=1 each set of the compression cases (12, 13) is run with its smallest messages only: all of them take
some ten minutes, nearly all of it in the gateway."""
import asyncio, os

from . import frontgate
from .http2_bridge import Http2Bridge

NEEDS = ["kosoku==0.1.0", "wsproto==1.3.2", "h2==4.4.1"]
CASES = [f"{section}.*" for section in (1, 2, 3, 4, 5, 6, 7, 9, 10)]
COMPRESSED = [f"{section}.{group}.1" for section, groups in ((12, 5), (13, 7)) for group in range(1, groups + 1)]

KNOWN = {}


async def compare(report):
    """Runs the cases twice, beside each other."""
    from .echo import Echo, port  # pylint: disable=import-outside-toplevel
    gateway = await Echo.serve()
    with frontgate.Frontgate(f"http://127.0.0.1:{port(gateway)}") as running:
        way = Http2Bridge if os.environ.get("CONFORMANCE_HTTP2") else Bridge
        bridge = await asyncio.start_server(way(running).carry, "127.0.0.1", 0)
        chosen = None if os.environ.get("CONFORMANCE_ALL") else CASES + COMPRESSED
        direct, through = await fuzz(port(gateway), chosen), await fuzz(port(bridge), chosen)
        for one, other in zip(direct, through, strict=True):
            wrong = difference(one, other)
            if wrong and one.case_id not in KNOWN:
                # Autobahn gives some cases a second, which is little on a machine that does other things beside.
                print(f"AGAIN websocket {one.case_id}, alone: {wrong}", flush=True)
                [one], [other] = await fuzz(port(gateway), [one.case_id]), await fuzz(port(bridge), [one.case_id])
                wrong = difference(one, other)
            report.case(one.case_id, wrong)
        if not running.alive():
            report.case("frontgate still runs", running.said()[-500:])


async def fuzz(port, chosen):
    """The results of these cases, or of all there are, in their order."""
    import kosoku  # pylint: disable=import-outside-toplevel
    try:
        return await kosoku.run_fuzzingclient(f"ws://127.0.0.1:{port}", cases=chosen, concurrency=8)
    except kosoku.FailureError as failure:
        return failure.results


def difference(direct, through):
    """What frontgate changes; empty if nothing."""
    if direct.behavior.value not in ("OK", "INFORMATIONAL"):
        return f"no fair case: the gateway alone is {direct.behavior.value} ({direct.result})"
    wrong = []
    for what, one, other in (("verdict", direct.behavior.value, through.behavior.value),
                             ("closing", direct.behavior_close.value, through.behavior_close.value),
                             ("close code", direct.remote_close_code, through.remote_close_code)):
        if one != other:
            wrong.append(f"{what} {other}, without frontgate {one}")
    if wrong:
        wrong.append(through.result)
    if direct.received != through.received:
        wrong.append(f"received {short(through.received)}, without frontgate {short(direct.received)}")
    return "; ".join(wrong)


def short(events):
    """A list of events that fits on a line."""
    text = repr(events)
    return text if len(text) < 120 else f"{text[:120]}... ({len(text)} characters)"


class Bridge:
    """Carries the bytes of a client that knows no TLS to frontgate, as they come."""

    def __init__(self, running):
        self.port, self.context = running.port, running.tls()
        # The loop itself holds no task that only waits.
        self.tasks = set()

    async def carry(self, reader, writer):
        """One connection."""
        self.tasks.add(asyncio.current_task())
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.context, server_hostname=frontgate.NAME)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        except asyncio.CancelledError:
            # The loop ends with the last case; the streams would call a task that was cancelled an error.
            pass
        self.tasks.discard(asyncio.current_task())


async def pump(reader, writer):
    """Copies until one side ends."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


def run(report):
    """Runs the suite."""
    asyncio.run(compare(report))
