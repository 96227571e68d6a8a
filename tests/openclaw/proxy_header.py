#!/usr/bin/env python3
"""proxy_header.py PORT CLIENT TARGET   a load balancer in 40 lines.

Listens on 127.0.0.1:PORT and passes each connection on to 127.0.0.1:TARGET behind a PROXY protocol v1 header that names
CLIENT as the source. Runs until it is killed."""

import socket
import sys
import threading


def main() -> None:
    port, client, target = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    with socket.create_server(("127.0.0.1", port)) as listener:
        while True:
            inbound, peer = listener.accept()
            threading.Thread(target=serve, args=(inbound, peer[1], client, target), daemon=True).start()


def serve(inbound: socket.socket, source_port: int, client: str, target: int) -> None:
    outbound = socket.create_connection(("127.0.0.1", target))
    outbound.sendall(f"PROXY TCP4 {client} 127.0.0.1 {source_port} {target}\r\n".encode())
    threading.Thread(target=copy, args=(inbound, outbound), daemon=True).start()
    copy(outbound, inbound)


def copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        # Either side is gone; end the other so that it sees it too.
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


if __name__ == "__main__":
    main()
