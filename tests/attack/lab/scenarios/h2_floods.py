"""Frames that cost the sender little."""
import struct, time
from lab import h2, sandbox
from lab.frontgate import MIB
from lab.scenario import scenario

SECONDS = 6


def judge(lab, began, made, most=6 * MIB):
    """Judges a flood: memory, and the processor time for what was sent."""
    rounds, connections, ending = made
    spent = lab.frontgate.cpu() - began
    lab.note(f"{rounds} rounds on {connections} connections, last: {ending}, {1e6 * spent / max(1, rounds):.0f} µs of processor each")
    lab.memory(most)
    lab.files_back()


@scenario("h2-rapid-reset", 40, alone=True, h1=2, h2=2, ws=2, new=1)
def rapid_reset(lab):
    """Requests that are reset at once (CVE-2023-44487): others are served, and the log does not grow with it."""
    lab.start()
    began = lab.frontgate.cpu()

    def make(connection):
        stream = connection.next
        connection.send(h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, stream, h2.head("/silent"))
                        + h2.frame(h2.RST_STREAM, 0, stream, b"\0\0\0\x08"))
        connection.next += 2

    made = h2.flood(sandbox.client(1), make, SECONDS, 3000)
    time.sleep(1)
    judge(lab, began, made)
    noise = [line for line in lab.frontgate.said().splitlines() if "remotely-reset" in line or "recv_reset" in line]
    lab.note(f"{len(noise)} lines of the library's")
    lab.check(len(noise) <= 2, f"{len(noise)} lines of the library's in {SECONDS} s")


@scenario("h2-made-reset", 40, alone=True, h1=2, h2=2, ws=2)
def made_you_reset(lab):
    """Streams that the server has to reset (CVE-2025-8671): zero window updates, data on an ended stream."""
    lab.start()
    began = lab.frontgate.cpu()

    def make(connection):
        stream = connection.next
        wrong = (h2.frame(h2.WINDOW_UPDATE, 0, stream, b"\0\0\0\0"), h2.frame(h2.DATA, 0, stream, b"x"),
                 h2.frame(h2.WINDOW_UPDATE, 0, stream, struct.pack("!I", h2.LARGEST)))[stream // 2 % 3]
        connection.send(h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, stream, h2.head("/silent")) + wrong)
        connection.next += 2

    judge(lab, began, h2.flood(sandbox.client(1), make, SECONDS, 3000))


@scenario("h2-continuation", 40, alone=True, h1=2, h2=1)
def continuation_flood(lab):
    """Heads that never end, in full and in empty CONTINUATION frames: the connection ends soon, and keeps nothing."""
    lab.start()
    for name, payload in (("full", b"\x00" + h2.text("x") + h2.text(h2.noise(8000))), ("empty", b""), ("one byte", b"\x82")):
        connection = h2.Http2(sandbox.client(1), timeout=3)
        connection.send(h2.frame(h2.HEADERS, 0, 1, h2.head()))
        sent, began = 0, time.monotonic()
        try:
            while time.monotonic() - began < 3 and not connection.gone:
                connection.send(h2.frame(h2.CONTINUATION, 0, 1, payload) * (1 if len(payload) > 1 else 50))
                sent += 1 if len(payload) > 1 else 50
                if sent % 500 == 0:
                    connection.poll(0.001)
        except OSError as error:
            connection.gone = str(error)
        connection.poll(0.5)
        lab.check(connection.gone, f"{sent} {name} continuations and still taken")
        lab.note(f"{name}: ended after {sent}")
        connection.close()
    lab.memory(4 * MIB)


@scenario("h2-half-head", 40, h1=1)
def half_head(lab):
    """A head whose continuation never comes ends by `request_head`, and so does one that only drips."""
    lab.start({"timeouts": {"request_head": "3s"}})
    for drip in (None, h2.frame(h2.CONTINUATION, 0, 1, b"")):
        connection = h2.Http2(sandbox.client(1))
        connection.send(h2.frame(h2.HEADERS, 0, 1, h2.head()))
        end = time.monotonic() + 10
        began = time.monotonic()
        while time.monotonic() < end and not connection.gone:
            connection.poll(0.3)
            try:
                connection.send(drip or b"")
            except OSError as error:
                connection.gone = str(error)
        lab.check(connection.gone, f"half a head ({'dripping' if drip else 'silent'}) is still waited for after 10 s")
        lab.note(f"ended after {time.monotonic() - began:.1f} s")
        connection.close()


@scenario("h2-control", 60, alone=True, h1=2, h2=2, ws=2)
def settings_and_pings(lab):
    """SETTINGS and PING without a reader for the acknowledgements: memory is bounded."""
    lab.start()
    for name, piece in (("settings", h2.frame(h2.SETTINGS, 0, 0)), ("pings", h2.frame(h2.PING, 0, 0, b"12345678")),
                        ("window settings", h2.frame(h2.SETTINGS, 0, 0, h2.pairs([(h2.INITIAL_WINDOW, 1)]))
                         + h2.frame(h2.SETTINGS, 0, 0, h2.pairs([(h2.INITIAL_WINDOW, 65535)])))):
        rounds, connections, ending = h2.flood(sandbox.client(1), lambda c, piece=piece: c.send(piece * 10), 3, 4000)
        lab.note(f"{10 * rounds} {name} on {connections}, last: {ending}")
    lab.memory(4 * MIB)
    lab.files_back()


@scenario("h2-windows", 40, alone=True, h1=1, h2=1)
def window_games(lab):
    """Answers in windows of one byte, and windows that open and close: memory and time are bounded."""
    lab.start(limit=512 * MIB)
    began = lab.frontgate.cpu()
    connection = h2.Http2(sandbox.client(1), window=0, connection_window=1 << 24)
    streams = [connection.request("/bytes/1000000") for _ in range(min(128, connection.streams()))]
    updates, end = 0, time.monotonic() + 5
    while time.monotonic() < end and not connection.gone:
        connection.send(b"".join(h2.frame(h2.WINDOW_UPDATE, 0, stream, b"\0\0\0\1") for stream in streams))
        if updates % 4 == 0:
            connection.send(h2.frame(h2.SETTINGS, 0, 0, h2.pairs([(h2.INITIAL_WINDOW, updates % 8)])))
        updates += 1
        connection.poll(0.03)
    lab.note(f"{updates * len(streams)} windows of a byte, {lab.frontgate.cpu() - began:.1f} s of processor, gone: {connection.gone}")
    lab.memory(4 * MIB)
    connection.close()
    lab.files_back()


@scenario("h2-empty-data", 40, alone=True, h1=2, h2=2)
def empty_data(lab):
    """DATA frames with nothing in them, padded and not (CVE-2019-9518): others are served, memory is bounded."""
    lab.start()
    began, state = lab.frontgate.cpu(), {}

    def make(connection):
        if state.get("of") is not connection:
            state.update(of=connection, stream=connection.request("/", "POST", end=False))
        connection.send(h2.frame(h2.DATA, 0, state["stream"]) * 10 + h2.frame(h2.DATA, 8, state["stream"], b"\0"))

    judge(lab, began, h2.flood(sandbox.client(1), make, SECONDS, 1000, reads=True), 4 * MIB)


@scenario("h2-strange", 40, alone=True, h1=2, h2=2)
def strange_frames(lab):
    """PRIORITY for streams that are not there, unknown frames, ALTSVC, trailers that repeat: bounded, and others are served."""
    lab.start()
    began = lab.frontgate.cpu()

    def make(connection):
        stream = connection.next
        connection.next += 2
        connection.send(h2.frame(h2.PRIORITY, 0, stream, b"\0\0\0\1\x10") + h2.frame(0xEE, 0, 0, b"x" * 100) + h2.frame(10, 0, 0, b"\0\0x=1"))

    judge(lab, began, h2.flood(sandbox.client(1), make, SECONDS, 2000, reads=True), 4 * MIB)
    connection = h2.Http2(sandbox.client(1))
    for _ in range(min(128, connection.streams())):
        stream = connection.request("/", "POST", end=False)
        block = b"".join(b"\x00" + h2.text(f"x-{n}") + h2.text(h2.noise(500)) for n in range(20))
        connection.send(h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, stream, block))
    connection.poll(2)
    lab.note(f"trailers: {len(connection.ended)} answered, {len(connection.reset)} reset, gone: {connection.gone}")
    lab.memory(6 * MIB, "with trailers")
