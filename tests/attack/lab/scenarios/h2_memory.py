"""Memory that one HTTP/2 connection can take."""
import time
from lab import h2, sandbox, ws
from lab.frontgate import MIB
from lab.scenario import Stop, scenario

BIG = "/bytes/4000000"


def unread(number, path=BIG, most=256):
    """A connection with the largest windows, all of its streams under way, and a client that does not read."""
    connection = h2.Http2(sandbox.client(number), window=h2.LARGEST, connection_window=h2.LARGEST - 65535)
    streams = min(most, connection.streams())
    for _ in range(streams):
        connection.request(path)
    return connection, streams


@scenario("h2-unread", 60, h1=1, h2=1, ws=2)
def one_that_reads_nothing(lab):
    """One HTTP/2 connection with the largest windows reads none of its answers: at most 4 MiB."""
    lab.start(limit=512 * MIB)
    connection, streams = unread(1)
    time.sleep(4)
    lab.note(f"{streams} streams")
    lab.check(streams >= 128, f"only {streams} streams, fewer than 128")
    lab.memory(4 * MIB)
    connection.close(abruptly=True)
    lab.files_back()


@scenario("h2-unread-left", 90, h1=1, h2=1, ws=2)
def three_that_left(lab):
    """Three such connections have left: 20 s later at most 16 MiB are kept, and no file."""
    lab.start(limit=512 * MIB)
    connections = [unread(number)[0] for number in (1, 2, 3)]
    time.sleep(4)
    lab.memory(12 * MIB, "peak of three")
    for connection in connections:
        connection.close()
    lab.files_back()
    lab.back(16 * MIB, 20)


@scenario("h2-unread-endless", 60, h1=1)
def endless_answers(lab):
    """The same with chunked answers that never end."""
    lab.start(limit=512 * MIB)
    connection, _ = unread(1, "/endless")
    time.sleep(4)
    lab.memory(4 * MIB)
    connection.close(abruptly=True)
    lab.files_back()


@scenario("h2-64mib", 150, alone=True, h1=2, h2=2, ws=200, ask=1)
def four_and_200(lab):
    """Four such connections beside 200 honest sockets in 64 MiB: no kill, all served, memory back to start + 5 MB in a minute."""
    lab.start(settle=3)
    connections = []
    for number in (1, 2, 3, 4):
        connections.append(unread(number)[0])
        time.sleep(1)
    time.sleep(10)
    grown = lab.grown()
    lab.note(f"peak pss +{grown.pss / MIB:.1f} cgroup +{grown.usage / MIB:.1f} sockets +{grown.sockets / MIB:.1f} MiB files +{grown.files}")
    lab.note(f"in all cgroup {lab.frontgate.peak.usage / MIB:.1f} + sockets {lab.frontgate.peak.sockets / MIB:.1f} MiB of 64")
    if not lab.frontgate.alive():
        raise Stop("four that read nothing")
    for connection in connections:
        connection.close()
    lab.files_back(spare=12)
    lab.back(5_000_000, 60)


@scenario("h2-hpack", 60, h1=1, h2=1)
def indexed_fields(lab):
    """Heads that repeat a remembered field, on all streams, wait for a gateway that says nothing: at most 4 MiB."""
    lab.start(limit=512 * MIB)
    connection = h2.Http2(sandbox.client(1), window=h2.LARGEST, settings=[(h2.HEADER_TABLE_SIZE, 4096)])
    streams = min(256, connection.streams())
    # Name and value are 4,000 bytes in all, and 3,000 of them in a name: each index is a byte on the wire.
    block = h2.indexed("x" * 40, h2.noise(3900))
    sent = 0
    for number in range(streams):
        head = h2.head("/silent") + (block if number == 0 else b"") + b"\xbe" * (12 if number else 11)
        sent += len(head)
        try:
            connection.request(block=head)
        except OSError:
            break
    connection.poll(3)
    lab.note(f"{streams} streams, {sent} bytes of HPACK, {len(connection.reset)} reset, gone: {connection.gone}")
    lab.memory(4 * MIB)
    connection.close()
    lab.files_back()


@scenario("h2-hpack-small", 60, h1=1)
def many_small_fields(lab):
    """The same with fields of a few bytes, of which a head has hundreds: what they cost is not their length."""
    lab.start(limit=512 * MIB)
    connection = h2.Http2(sandbox.client(1), window=h2.LARGEST)
    streams = min(256, connection.streams())
    block = h2.indexed("a", "")
    for number in range(streams):
        try:
            connection.request(block=h2.head("/silent") + (block if number == 0 else b"") + b"\xbe" * 1900)
        except OSError:
            break
    connection.poll(3)
    lab.note(f"{streams} streams, {len(connection.reset)} reset, gone: {connection.gone}")
    lab.memory(4 * MIB)
    connection.close()
    lab.files_back()


@scenario("h2-hpack-over", 60, h1=1)
def heads_over_the_limit(lab):
    """Heads of 16 MiB once they are decoded: refused, and not kept."""
    lab.start(limit=512 * MIB)
    connection = h2.Http2(sandbox.client(1), window=h2.LARGEST)
    block = h2.indexed("x" * 40, h2.noise(3900))
    try:
        for number in range(60):
            head = h2.head("/silent") + (block if number == 0 else b"") + b"\xbe" * 4000
            connection.send(h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, connection.next, head))
            connection.next += 2
    except OSError as error:
        connection.gone = str(error)
    connection.poll(2)
    lab.note(f"{len(connection.reset)} reset, {len(connection.ended)} answered, gone: {connection.gone}")
    lab.memory(4 * MIB)
    lab.check(lab.gateway.order("stats")["requests"].get("silent", 0) == 0, "the gateway got such a head")
    connection.close()


@scenario("h2-uploads-unread", 60, h1=1)
def uploads_into_the_void(lab):
    """All streams upload into a gateway that reads no body: at most 4 MiB."""
    lab.start(limit=512 * MIB)
    connection = h2.Http2(sandbox.client(1), timeout=3)
    streams = [connection.request("/unread", "POST", end=False) for _ in range(min(256, connection.streams()))]
    piece, sent = b"x" * 1024, 0
    window = connection.peer_settings.get(h2.INITIAL_WINDOW, 65535)
    try:
        for number in range(window // len(piece)):
            for stream in streams:
                if connection.room < len(piece):
                    connection.poll(0.3, until=lambda: connection.room >= len(piece))
                if connection.room < len(piece):
                    break
                connection.send(h2.frame(h2.DATA, 0, stream, piece))
                connection.room -= len(piece)
                sent += len(piece)
    except OSError:
        pass
    connection.poll(2)
    lab.note(f"{len(streams)} streams, {sent / MIB:.1f} MiB sent, {len(connection.reset)} reset, gone: {connection.gone}")
    lab.memory(4 * MIB)
    connection.close()
    lab.files_back()


@scenario("h2-trickle", 60, h1=1, h2=1)
def trickling_bodies(lab):
    """A byte a second on every stream: at most 4 MiB, and other clients are served."""
    lab.start(limit=512 * MIB)
    connection = h2.Http2(sandbox.client(1))
    streams = [connection.request("/", "POST", end=False) for _ in range(min(256, connection.streams()))]
    end = time.monotonic() + 6
    while time.monotonic() < end and not connection.gone:
        for stream in streams:
            connection.send(h2.frame(h2.DATA, 0, stream, b"x"))
        connection.poll(1)
    lab.note(f"{len(streams)} streams, gone: {connection.gone}")
    lab.memory(4 * MIB)
    connection.close()
    lab.files_back()


@scenario("h2-connect-unread", 60, ws=2)
def websockets_over_h2(lab):
    """All streams of a connection are WebSockets that are sent to and do not read: at most 96 KiB each."""
    lab.start(limit=512 * MIB)
    connection = h2.Http2(sandbox.client(1), window=h2.LARGEST, connection_window=h2.LARGEST - 65535)
    streams = min(128, connection.streams())
    for _ in range(streams):
        connection.websocket("/ws/push")
    time.sleep(4)
    lab.memory(96 * 1024, each=streams)
    connection.close(abruptly=True)
    lab.files_back()


@scenario("h2-connect-deaf", 60, ws=2, h1=1)
def websockets_to_a_deaf_gateway(lab):
    """All streams of a connection are WebSockets that send without end to a gateway that does not read: at most 320 KiB each, which is
    the window of a stream and what lies around it."""
    lab.start({"timeouts": {"send": "20s"}}, limit=512 * MIB)
    connection = h2.Http2(sandbox.client(1))
    most = min(120, connection.streams())
    # Before this its windows are those of RFC 9113 §6.9.2.
    connection.send(h2.frame(h2.SETTINGS, h2.ACK, 0))
    streams = [connection.websocket("/ws/deaf") for _ in range(most)]
    connection.poll(10, until=lambda: len(connection.statuses) == len(streams))
    lab.check(set(connection.statuses.values()) == {200}, f"statuses {set(connection.statuses.values())}")
    piece = ws.frame(ws.BINARY, b"x" * 16000)
    end, sent = time.monotonic() + 8, 0
    while time.monotonic() < end and not connection.gone:
        for stream in streams:
            if connection.room >= len(piece) and connection.windows.get(stream, connection.first_window()) >= len(piece):
                connection.send(h2.frame(h2.DATA, 0, stream, piece))
                connection.room -= len(piece)
                connection.windows[stream] = connection.windows.get(stream, connection.first_window()) - len(piece)
                sent += len(piece)
        connection.poll(0.02)
    lab.note(f"{sent / MIB / len(streams):.2f} MiB taken from each, gone: {connection.gone}")
    lab.memory(320 * 1024, each=len(streams))
    connection.close(abruptly=True)
    # A client that has gone is noticed behind bytes that the gateway does not take, as over HTTP/1.1.
    lab.files_back(seconds=20)
