"""WebSockets that do not read, or say nothing at length."""
import time
from lab import sandbox, ws
from lab.frontgate import MIB, knows
from lab.scenario import scenario

SOCKETS = 100


def blocked(lab, path, send):
    """Opens sockets, stuffs each until it takes no more if `send`, and judges what each costs."""
    lab.start({"timeouts": {"send": "10s"}}, limit=512 * MIB)
    sockets, taken = [], 0
    for number in range(SOCKETS):
        sockets.append(ws.connect(sandbox.client(1 + number % 5), path, receive=4096))
        sockets[-1].setblocking(False)
    message = ws.frame(ws.BINARY, b"x" * 16384)
    end = time.monotonic() + (5 if send else 0)
    while time.monotonic() < end:
        before = taken
        for sock in sockets:
            try:
                for _ in range(8):
                    taken += sock.send(message)
            except OSError:
                pass
        if taken == before:
            time.sleep(0.3)
    time.sleep(2)
    if send:
        lab.note(f"{taken / MIB / SOCKETS:.2f} MiB taken from each")
    lab.memory(96 * 1024, each=SOCKETS)
    for sock in sockets:
        sock.close()
    lab.files_back(seconds=20)
    lab.back(5_000_000, 20)


@scenario("ws-client-unread", 60, alone=True, ws=2, h1=1)
def client_does_not_read(lab):
    """The gateway sends without end and the client does not read: at most 96 KiB a socket."""
    blocked(lab, "/ws/push", send=False)


@scenario("ws-gateway-unread", 90, alone=True, ws=2, h1=1)
def gateway_does_not_read(lab):
    """The client sends without end and the gateway does not read: at most 96 KiB a socket."""
    blocked(lab, "/ws/deaf", send=True)


@scenario("ws-neither-reads", 90, alone=True, ws=2, h1=1)
def neither_reads(lab):
    """Both send without end, neither reads: at most 96 KiB a socket."""
    blocked(lab, "/ws/push", send=True)


def flooded(lab, piece, what, first=b""):
    """Sends the piece 4,000 times within seconds: 1008."""
    lab.start({"websocket": {"max_control_per_minute": 1200}} if knows("websocket.max_control_per_minute") else {})
    sock = ws.connect(sandbox.client(1))
    if first:
        sock.sendall(first)
    sent, ending = ws.flood(sock, piece * 10, 400)
    sent *= 10
    lab.note(f"{sent} {what}, ended: {ending}")
    lab.check(ending == 1008, f"{sent} {what} and the connection {f'ended {ending}' if ending else 'goes on'}")
    sock.close()
    end = time.monotonic() + 5
    while "too_many" not in lab.frontgate.said() and time.monotonic() < end:
        time.sleep(0.1)
    lab.check("too_many" in lab.frontgate.said(), "the log does not say too_many")


@scenario("ws-pings", 40, ws=2)
def pings(lab):
    """4,000 pings within some seconds end the WebSocket with 1008."""
    flooded(lab, ws.frame(ws.PING, b"x"), "pings")


@scenario("ws-pongs", 40, ws=2)
def pongs(lab):
    """So do pongs that answer nothing."""
    flooded(lab, ws.frame(ws.PONG, b"x"), "pongs")


@scenario("ws-empty-continuations", 40, ws=2)
def empty_continuations(lab):
    """So do empty continuations of a message that never ends."""
    flooded(lab, ws.frame(ws.CONTINUATION, b"", final=False), "empty continuations", ws.frame(ws.TEXT, b"x", final=False))


@scenario("ws-honest-pings", 40, ws=2)
def honest_pings(lab):
    """Ten pings a second for five seconds do not end it."""
    lab.start()
    sock = ws.connect(sandbox.client(1))
    for _ in range(50):
        sock.sendall(ws.frame(ws.PING, b"x"))
        time.sleep(0.1)
    lab.check(ws.echo(sock), "no echo after 50 pings")
    sock.close()


@scenario("ws-small-frames", 60, alone=True, ws=3, h1=1)
def small_frames(lab):
    """A message in frames of one byte, as fast as they are taken: memory is bounded and others are served."""
    lab.start()
    sock = ws.connect(sandbox.client(1))
    sock.sendall(ws.frame(ws.BINARY, b"x", final=False))
    cpu = lab.frontgate.cpu()
    rounds, ending = ws.flood(sock, ws.frame(ws.CONTINUATION, b"x", final=False) * 200, 600, 0.005)
    sent = 200 * max(1, rounds)
    lab.note(f"{sent} frames, {1e6 * (lab.frontgate.cpu() - cpu) / sent:.1f} µs of processor each, ended: {ending}")
    lab.memory(2 * MIB)
    sock.close()
