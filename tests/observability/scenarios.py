"""A function for each alarm, which brings a frontgate into the state that the alarm is about.

Each gets the name of its folder and an event that is set when the alarm has fired or is given up, and yields its frontgate first."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time

from lab import WORK, Frontgate
from peers import Client, Gateway, free_port, upgrade

PROVOKED = {}


class Impossible(Exception):
    """The alarm cannot be provoked here, for this reason."""


def provokes(alert):
    def known(function):
        PROVOKED[alert] = function
        return function
    return known


def again_and_again(do, until, pause=0.05):
    """Does something until the alarm has fired, or is given up."""
    while not until.is_set():
        try:
            do()
        except OSError:
            pass
        until.wait(pause)


@provokes("FrontgateDown")
def down(name, fired):
    one = Frontgate(name, "")
    yield one
    time.sleep(3)
    one.end()


@provokes("FrontgateNotReady")
def not_ready(name, fired):
    gateway = Gateway()
    one = Frontgate(name, "timeouts: { drain: 5m }\n", upstream=gateway.port)
    yield one
    client = Client(one.plain)
    one.asks("/drain", "POST")
    fired.wait()
    client.close()


@provokes("FrontgateHandshakesFail")
def handshakes_fail(name, fired):
    gateway = Gateway(answer=b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
    one = Frontgate(name, "", upstream=gateway.port)
    yield one
    again_and_again(lambda: upgrade(one.plain).close(), fired)


@provokes("FrontgateAbnormalEnds")
def abnormal_ends(name, fired):
    # It begins a frame of 100 bytes, and goes: no Close can follow in the middle of it.
    gateway = Gateway(then=lambda link: (link.sendall(b"\x81\x64half"), time.sleep(0.2), link.close()))
    one = Frontgate(name, "", upstream=gateway.port)
    yield one
    again_and_again(lambda: Client(one.plain).drain(), fired, 0.3)


@provokes("FrontgateRelaySlow")
def relay_slow(name, fired):
    if not shutil.which("strace"):
        raise Impossible("there is no strace to delay its writes with; apt-get install strace")
    gateway = Gateway()
    one = Frontgate(name, "", upstream=gateway.port)
    yield one
    client = Client(one.plain)
    # Each write begins late, as on a machine that is overloaded; one read in 64 is measured, so that it takes some messages.
    calls = "sendto,sendmsg,write,writev"
    late = subprocess.Popen(
        ["strace", "-f", "-q", "-o", "/dev/null", "-p", str(one.process.pid), "-e", f"trace={calls}", "-e", f"inject={calls}:delay_enter=110000"],
        stdout=subprocess.DEVNULL, stderr=open(one.folder / "strace", "wb"))
    try:
        # No more than it relays: what waits in a buffer would be one read.
        again_and_again(lambda: client.flood(100), fired, 0.13)
    finally:
        late.terminate()
        late.wait()


@provokes("FrontgateGatewayPingSlow")
def gateway_ping_slow(name, fired):
    gateway = Gateway(pong_after=0.12)
    one = Frontgate(name, "websocket: { ping_interval: 1s }\n", upstream=gateway.port)
    yield one
    clients = [Client(one.plain) for _ in range(4)]
    fired.wait()
    del clients


@provokes("FrontgateClientPingSlow")
def client_ping_slow(name, fired):
    gateway = Gateway()
    one = Frontgate(name, "websocket: { ping_interval: 1s }\n", upstream=gateway.port)
    yield one
    clients = [Client(one.plain, pong_after=0.3) for _ in range(4)]
    fired.wait()
    del clients


@provokes("FrontgateThreadBusy")
def thread_busy(name, fired):
    gateway = Gateway()
    one = Frontgate(name, "websocket: { max_control_per_minute: off }\n", upstream=gateway.port)
    yield one
    clients = [Client(one.plain) for _ in range(2)]
    # Frames of no byte at all: what costs most for what is sent.
    for client in clients:
        threading.Thread(target=again_and_again, args=(client.flood_of_frames, fired, 0), daemon=True).start()
    fired.wait()


@provokes("FrontgateMemory")
def memory(name, fired):
    probe = Frontgate(name + "-probe", "")
    used = probe.value("frontgate_resident_memory_bytes")
    probe.end()
    group, limit = memory_group(name)
    limit.write_text(str(int(used * 1.04)))
    try:
        enter = ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$0" "$@"']
        one = Frontgate(name, "", prefix=enter)
        yield one
        fired.wait()
    finally:
        one.end()
        time.sleep(0.5)
        group.rmdir()


@provokes("FrontgateDescriptors")
def descriptors(name, fired):
    gateway = Gateway()
    # It lets in as many as the limit carries, which is two for each and 256 for all else.
    one = Frontgate(name, "limits: { connections_per_client: off, requests_per_client: off }\n", prefix=["prlimit", "--nofile=2000:2000"], upstream=gateway.port)
    yield one
    clients = [Client(one.plain) for _ in range(850)]
    fired.wait()
    for client in clients:
        client.close()


@provokes("FrontgateAcceptFails")
def accept_fails(name, fired):
    one = Frontgate(name, "")
    yield one
    # By its own limits it does not run out: another process takes the files away.
    some = len(os.listdir(f"/proc/{one.process.pid}/fd")) + 6
    subprocess.run(["prlimit", "--pid", str(one.process.pid), f"--nofile={some}:{some}"], check=True)

    def crowd():
        held = [socket.create_connection(("127.0.0.1", one.plain), timeout=1) for _ in range(30)]
        time.sleep(1)
        for each in held:
            each.close()
    # A scrape comes between two crowds.
    again_and_again(crowd, fired, 2)


@provokes("FrontgateSocketsDropped")
def sockets_dropped(name, fired):
    gateway = Gateway()
    one = Frontgate(name, "", upstream=gateway.port)
    yield one
    clients = [Client(one.plain) for _ in range(40)]
    time.sleep(10)
    for client in clients[:30]:
        client.close()
    fired.wait()


@provokes("FrontgateCertificateOld")
def certificate_old(name, fired):
    folder = WORK / "certificate"
    folder.mkdir()
    certificate(folder)
    port = free_port()
    one = Frontgate(name, f'listen: {{ https: ["127.0.0.1:{port}"] }}\ntls: {{ certificate: {{ cert: {folder}/cert.pem, key: {folder}/key.pem }} }}\n')
    yield one
    fired.wait()


@provokes("FrontgateOrdersFail")
def orders_fail(name, fired):
    raise Impossible("it takes three orders that fail, and the third comes a quarter of an hour after the second; `promtool test rules` has it")
    yield


@provokes("FrontgateGatewayDown")
def gateway_down(name, fired):
    gateway = Gateway()
    one = Frontgate(name, "hold: 1s\n", upstream=gateway.port)
    yield one
    Client(one.plain).close()
    time.sleep(2)
    gateway.end()
    again_and_again(lambda: upgrade(one.plain).close(), fired, 0.5)


@provokes("FrontgateGatewayLost")
def gateway_lost(name, fired):
    gateway = Gateway(then=lambda link: (time.sleep(0.2), link.close()))
    one = Frontgate(name, "", upstream=gateway.port)
    yield one
    again_and_again(lambda: Client(one.plain).drain(), fired, 0.5)


@provokes("FrontgateDnsOld")
def dns_old(name, fired):
    raise Impossible("it takes a DNS that is silent for a quarter of an hour; `promtool test rules` has it")
    yield


@provokes("FrontgateHoldGivesUp")
def hold_gives_up(name, fired):
    one = Frontgate(name, "hold: 1s\n")
    yield one
    time.sleep(3)
    again_and_again(lambda: upgrade(one.plain).close(), fired, 0.5)


@provokes("FrontgateReloadRefused")
def reload_refused(name, fired):
    one = Frontgate(name, "")
    yield one
    time.sleep(3)
    one.write("no_such_key: 1\n")
    one.signal(signal.SIGHUP)
    fired.wait()


@provokes("FrontgateReloadWaits")
def reload_waits(name, fired):
    one = Frontgate(name, "deny: [192.0.2.0/24]\n")
    yield one
    time.sleep(2)
    one.write("deny: []\n")
    fired.wait()


@provokes("FrontgateLogLinesDropped")
def log_lines_dropped(name, fired):
    gateway = Gateway(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    unread, writing = os.pipe()
    one = Frontgate(name, "", stdout=writing, upstream=gateway.port)
    yield one
    again_and_again(lambda: ask_often(one.plain), fired, 0)
    os.close(unread)


def ask_often(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
        link.sendall(b"GET /" + b"x" * 1500 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        link.recv(4096)


def certificate(folder):
    """Valid for ten years, of which a month is left. `openssl req` of older versions knows no dates."""
    at = lambda days: time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * 86400))  # noqa: E731
    run = lambda *command: subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # noqa: E731
    (folder / "index").touch()
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca=own\n[own]\ndatabase=index\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=any\nx509_extensions=names\n"
        "[any]\ncommonName=supplied\n[names]\nsubjectAltName=DNS:localhost\n")
    run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=localhost")
    run("openssl", "ca", "-batch", "-config", "ca.cnf", "-selfsign", "-keyfile", "key.pem", "-in", "request.pem", "-out", "cert.pem", "-notext",
        "-startdate", at(-3600), "-enddate", at(30))


def memory_group(name):
    """A control group below our own that can limit memory, of either version, and the file that limits it."""
    own = pathlib.Path("/proc/self/cgroup").read_text().splitlines()
    v1 = next((line.split(":", 2)[2] for line in own if "memory" in line.split(":", 2)[1].split(",")), None)
    base = pathlib.Path("/sys/fs/cgroup/memory" + v1) if v1 is not None else pathlib.Path("/sys/fs/cgroup")
    group = base / f"frontgate-{os.getpid()}-{name}"
    limit = group / ("memory.limit_in_bytes" if v1 is not None else "memory.max")
    try:
        group.mkdir()
    except OSError as error:
        raise Impossible(f"no control group can be made here: {error}") from error
    if not limit.exists():
        group.rmdir()
        raise Impossible("there is no control group here that can limit memory")
    return group, limit
