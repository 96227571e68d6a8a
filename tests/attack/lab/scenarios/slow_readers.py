"""A thousand clients at once that read an answer of 1 MiB at a crawl: some hundred bytes a second."""
import time
from lab import sandbox
from lab.frontgate import MIB
from lab.h2 import LARGEST, Http2
from lab.scenario import scenario
from lab.scenarios.h1_memory import readers

CLIENTS, ROUNDS = 1000, 8
PATH = f"/bytes/{MIB}"


def crawl(lab, sockets):
    """Each reads a little, over and over; judges the peak, and what is kept a minute after all have left."""
    read = 0
    for _ in range(ROUNDS):
        began = time.monotonic()
        for sock in sockets:
            sock.settimeout(0.2)
            try:
                read += len(sock.recv(300))
            except OSError:
                pass
        time.sleep(max(0, 1 - (time.monotonic() - began)))
    lab.note(f"{len(sockets)} clients have read {read // len(sockets)} bytes each")
    lab.check(read >= CLIENTS * 300, "they are not served")
    lab.memory(72 * 1024, each=CLIENTS)
    for sock in sockets:
        sock.close()
    lab.files_back(seconds=10)
    lab.back(5_000_000, 60)


@scenario("h1-slow-readers", 150, alone=True, h1=1, ws=2)
def over_h1(lab):
    """1,000 clients read 1 MiB at a crawl over HTTP/1.1: at most 72 KiB each at the peak, 5 MB kept after a minute."""
    lab.start(limit=1024 * MIB)
    crawl(lab, readers(CLIENTS, PATH))


def over_h2(lab, **windows):
    """The same over HTTP/2, a connection each."""
    lab.start(limit=1024 * MIB)
    connections = [Http2(sandbox.client(1 + each % 10), receive=4096, **windows) for each in range(CLIENTS)]
    for connection in connections:
        connection.request(PATH)
    crawl(lab, [connection.sock for connection in connections])


@scenario("h2-slow-readers", 150, alone=True, h1=1, ws=2)
def wide(lab):
    """The same over HTTP/2 with the largest windows, which give room for all of the answer."""
    over_h2(lab, window=LARGEST, connection_window=LARGEST - 65535)


@scenario("h2-slow-windows", 150, alone=True, h1=1, ws=2)
def narrow(lab):
    """The same over HTTP/2 with the windows that the RFC begins with, and no update of them."""
    over_h2(lab)


