"""WebSockets (RFC 6455, RFC 7692): Autobahn's fuzzing client, as kosoku runs it, at an echoing gateway and at the same one through
frontgate with TLS. Both must get the same verdict, close code and messages.

Without CONFORMANCE_ALL=1 each set of the compression cases (12, 13) is run with its smallest messages only: all of them take
some ten minutes, nearly all of it in the gateway."""
import asyncio, os

from . import frontgate

NEEDS = ["kosoku==0.1.0", "wsproto==1.3.2"]
CASES = [f"{section}.*" for section in (1, 2, 3, 4, 5, 6, 7, 9, 10)]
COMPRESSED = [f"{section}.{group}.1" for section, groups in ((12, 5), (13, 7)) for group in range(1, groups + 1)]

UNANSWERED = "the client never gets the echo of a good message that an invalid frame follows in one write"
KNOWN = {case: UNANSWERED for case in ("4.1.3", "4.1.4", "4.1.5", "4.2.3", "4.2.4", "4.2.5", "5.15")}

# Close codes that differ because frontgate, not the gateway, ends the connection: (code of the gateway, code of frontgate).
BY_DESIGN = {}


async def compare(report):
    """Runs the cases twice, beside each other."""
    from .echo import Echo, port  # pylint: disable=import-outside-toplevel
    gateway = await Echo.serve()
    with frontgate.Frontgate(f"http://127.0.0.1:{port(gateway)}") as running:
        bridge = await asyncio.start_server(Bridge(running).carry, "127.0.0.1", 0)
        direct, through = await fuzz(port(gateway)), await fuzz(port(bridge))
        for one, other in zip(direct, through, strict=True):
            report.case(one.case_id, difference(one, other))
        if not running.alive():
            report.case("frontgate still runs", running.said()[-500:])


async def fuzz(port):
    """The results of all cases, in their order."""
    import kosoku  # pylint: disable=import-outside-toplevel
    chosen = None if os.environ.get("CONFORMANCE_ALL") else CASES + COMPRESSED
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
        if one != other and (one, other) != BY_DESIGN.get((direct.case_id, what)):
            wrong.append(f"{what} {other}, without frontgate {one}")
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
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
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
