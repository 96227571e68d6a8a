"""Handshakes."""
import os, ssl, time
from lab import sandbox, wire
from lab.frontgate import MIB
from lab.scenario import scenario


def client_hello():
    """The bytes of a real one."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = wire.context().wrap_bio(incoming, outgoing, server_hostname=wire.NAME)
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def record(kind, payload, version=b"\x03\x03"):
    """A TLS record (RFC 8446 §5.1)."""
    return bytes([kind]) + version + len(payload).to_bytes(2, "big") + payload


@scenario("tls-half", 60, h1=1, new=1, ws=2)
def half_handshakes(lab):
    """400 half and unanswered ClientHellos: ended by `tls_handshake`, others are served, memory is bounded and comes back."""
    lab.start({"timeouts": {"tls_handshake": "4s"}})
    hello, socks = client_hello(), []
    for number in range(400):
        sock = wire.dial(sandbox.client(1 + number % 5), timeout=2)
        sock.sendall(hello[:(len(hello) // 2, len(hello), 1, 6)[number % 4]])
        socks.append(sock)
    time.sleep(1)
    lab.memory(16 * MIB)
    time.sleep(5)
    left = sum(wire.closed_within(sock, 0.003, every=0.003) is None for sock in socks)
    lab.check(not left, f"{left} of 400 are open after 6 s, tls_handshake is 4 s")
    lab.files_back()
    lab.back(5_000_000, 20)


@scenario("tls-flood", 60, alone=True, h1=2, h2=1, ws=2, new=1)
def handshake_flood(lab):
    """120 full handshakes a second that leave at once: others are served, memory comes back."""
    lab.start()
    end, done, cpu = time.monotonic() + 6, 0, lab.frontgate.cpu()
    began = time.monotonic()
    while time.monotonic() < end:
        wire.tls(sandbox.client(1 + done % 20), ("h2", "http/1.1")[done % 2]).close()
        done += 1
        time.sleep(max(0, done / 120 - (time.monotonic() - began)))
    lab.note(f"{done} handshakes, {1000 * (lab.frontgate.cpu() - cpu) / done:.1f} ms of processor each")
    lab.memory(8 * MIB)
    lab.files_back()
    lab.back(5_000_000, 20)


@scenario("tls-garbage", 60, h1=1, ws=1)
def records_that_mean_nothing(lab):
    """Oversized hellos, empty records, fragments of a byte, endless CCS, alerts and appdata: ended, and bounded."""
    lab.start({"timeouts": {"tls_handshake": "4s"}})
    hello = client_hello()[5:]
    huge = b"\x01" + (2**24 - 1).to_bytes(3, "big") + os.urandom(100)
    rows = {
        "a hello of 16 MiB": [record(22, huge)] + [record(22, os.urandom(16000))] * 400,
        "a hello of 60 KiB": [record(22, b"\x01" + (60000).to_bytes(3, "big") + os.urandom(15000))] + [record(22, os.urandom(15000))] * 3,
        "empty records": [record(22, b"")] * 5000,
        "bytes one by one": [record(22, bytes([byte])) for byte in hello[:-1]],
        "change_cipher_spec": [record(22, hello)] + [record(20, b"\x01")] * 5000,
        "warnings": [record(22, hello)] + [record(21, b"\x01\x5a")] * 5000,
        "application data": [record(23, os.urandom(16000))] * 200,
        "a record too long": [b"\x16\x03\x03\xff\xff" + os.urandom(65535)] * 5,
        "two hellos": [record(22, hello)] * 2,
    }
    for name, pieces in rows.items():
        for number in range(8):
            sock = wire.dial(sandbox.client(1 + number), timeout=2)
            sent = 0
            try:
                for piece in pieces:
                    sock.sendall(piece)
                    sent += len(piece)
            except OSError:
                pass
            if number == 7:
                seconds = wire.closed_within(sock, 7)
                lab.check(seconds is not None, f"{name}: open after 7 s")
                lab.note(f"{name}: {sent} bytes, {seconds and round(seconds, 1)} s")
            sock.close()
    lab.memory(8 * MIB)
    lab.files_back()


@scenario("tls-renegotiation", 60, h1=1)
def after_the_handshake(lab):
    """TLS 1.2 and 1.3 after the handshake: garbage records and a new hello in the clear end it, key updates are bounded."""
    lab.start()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for name, bytes_ in (("hello", record(22, client_hello()[5:])), ("garbage", record(23, os.urandom(500))), ("nothing", record(23, b"")),
                             ("ccs", record(20, b"\x01") * 200)):
            sock = wire.tls(sandbox.client(1), versions=version)
            os.write(sock.fileno(), bytes_ * 3)
            seconds = wire.closed_within(sock, 5)
            lab.check(seconds is not None, f"{version.name} {name}: open after 5 s")
            sock.close()
    lab.note("all ended")


@scenario("tls-unread", 60, h1=1)
def handshakes_unread(lab):
    """300 hellos whose answers are not read: ended by `tls_handshake`, at most 64 KiB each."""
    lab.start({"timeouts": {"tls_handshake": "4s"}})
    hello, socks = client_hello(), []
    for number in range(300):
        sock = wire.dial(sandbox.client(1 + number % 5), receive=2048)
        sock.sendall(hello)
        socks.append(sock)
    time.sleep(1)
    lab.memory(64 * 1024, each=300)
    time.sleep(5)
    inside = lab.frontgate.metric("connections")
    lab.check(inside <= 10, f"{inside:.0f} connections after 6 s, tls_handshake is 4 s")
    for sock in socks:
        sock.close()
    lab.files_back()


@scenario("tls-one-byte-writes", 60, h1=1)
def records_of_a_byte(lab):
    """Requests in TLS records of one byte each, on 50 connections at once: others are served."""
    lab.start()
    socks = [wire.tls(sandbox.client(1 + number % 5), timeout=5) for number in range(50)]
    cpu = lab.frontgate.cpu()
    for byte in wire.get("/", "X-Long: " + "y" * 300 + "\r\n"):
        for sock in socks:
            sock.sendall(bytes([byte]))
    said = [wire.head(sock) for sock in socks]
    lab.check(all(answer and answer[0] == 200 for answer in said), "not all are answered")
    lab.note(f"{lab.frontgate.cpu() - cpu:.1f} s of processor for {50 * 400} records")
    lab.memory(4 * MIB)
