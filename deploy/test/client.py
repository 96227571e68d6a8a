#!/usr/bin/env python3
"""A client of the deployments. Certificates are not checked: what is deployed is.

  client.py ws URL [--source ADDRESS] [--name NAME] [--until-close]   opens a WebSocket, sees an echo, prints the first message;
                                                         or waits for the Close and prints its code and reason
  client.py hold URL COUNT      opens that many WebSockets, and sees that all are open at once
  client.py hammer URL FILE     one connection and request after the other, until FILE is gone; prints how they went
"""
import base64
import collections
import json
import os
import socket
import ssl
import sys
from urllib.parse import urlsplit

from gateway import frame, read_frame, read_head

PATIENCE = 20


def connect(url, source=None, name=None):
    at = urlsplit(url)
    secure = at.scheme in ("https", "wss")
    address = (at.hostname, at.port or (443 if secure else 80))
    stream = socket.create_connection(address, PATIENCE, (source, 0) if source else None)
    if secure:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        stream = context.wrap_socket(stream, server_hostname=name or at.hostname)
    return stream, name or at.netloc, at.path or "/"


def upgrade(url, source=None, name=None):
    stream, host, path = connect(url, source, name)
    key = base64.b64encode(os.urandom(16)).decode()
    stream.sendall(
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    reader = stream.makefile("rb")
    status, _ = read_head(reader)
    if " 101 " not in f"{status} ":
        sys.exit(f"no WebSocket: {status}")
    return stream, reader


def websocket(url, source, name, until_close):
    stream, reader = upgrade(url, source, name)
    _, first = read_frame(reader)
    print(first.decode(), flush=True)
    message = os.urandom(400)
    stream.sendall(frame(2, message, os.urandom(4)))
    while True:
        opcode, payload = read_frame(reader)
        if opcode == 9:
            stream.sendall(frame(10, payload, os.urandom(4)))
        elif opcode == 8:
            print(int.from_bytes(payload[:2], "big"), payload[2:].decode(), flush=True)
            return
        elif opcode is None:
            sys.exit("cut without a Close: 1006")
        elif payload != message:
            sys.exit(f"no echo but {payload!r}")
        elif not until_close:
            stream.sendall(frame(8, b"\x03\xe8", os.urandom(4)))


def hold(url, count):
    held = [upgrade(url) for _ in range(count)]
    for stream, _ in held:
        stream.sendall(frame(9, b"there?", os.urandom(4)))
    for _, reader in held:
        while (opcode := read_frame(reader)[0]) != 10:
            if opcode in (8, None):
                sys.exit("one has ended")


def hammer(url, while_there):
    went = collections.Counter()
    while os.path.exists(while_there):
        try:
            stream, host, path = connect(url)
            stream.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            status, _ = read_head(stream.makefile("rb"))
            went[status.split()[1]] += 1
        except (OSError, TypeError) as error:
            went[type(error).__name__] += 1
    print(json.dumps(went))


if __name__ == "__main__":
    words = sys.argv[1:]
    if words[0] == "ws":
        option = lambda word: words[words.index(word) + 1] if word in words else None
        websocket(words[1], option("--source"), option("--name"), "--until-close" in words)
    elif words[0] == "hold":
        hold(words[1], int(words[2]))
    else:
        hammer(words[1], words[2])
