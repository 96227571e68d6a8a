"""Sockets with an address of the caller's choice, and the little of HTTP/1 that attackers need."""
import socket, ssl, time
from lab import sandbox

HTTPS, PLAIN = 8443, 8080
NAME = "gw.test"


def dial(source, port=HTTPS, timeout=10, receive=None, target=None):
    """A TCP connection from `source`; `receive` bounds its receive buffer."""
    six = ":" in source
    sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
    if receive:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    sock.settimeout(timeout)
    # The port is chosen when both ends are known, or a few thousand connections of one client run out of ports.
    sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    sock.bind((source, 0))
    sock.connect((target or (sandbox.FRONTGATE6 if six else sandbox.FRONTGATE), port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def tls(source, alpn="http/1.1", port=HTTPS, timeout=10, receive=None, versions=None):
    """A TLS connection."""
    return context(alpn, versions).wrap_socket(dial(source, port, timeout, receive), server_hostname=NAME)


def context(alpn="http/1.1", versions=None):
    """Takes any certificate: other tests look at it."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if alpn:
        made.set_alpn_protocols([alpn])
    if versions:
        made.minimum_version = made.maximum_version = versions
    return made


def get(path="/", extra="", method="GET"):
    """A request without a body."""
    return f"{method} {path} HTTP/1.1\r\nHost: {NAME}:{HTTPS}\r\n{extra}\r\n".encode()


def head(sock):
    """The next answer's head, as (status, text); None when there is none."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            more = sock.recv(1)
        except (OSError, ssl.SSLError):
            return None
        if not more:
            return None
        data += more
    text = data.decode("latin-1")
    return int(text.split(" ", 2)[1]), text


def ask(source, path="/", extra="", timeout=10, method="GET", body=b""):
    """One request on a TLS connection of its own: (status, seconds). The status is None when there was no answer."""
    began = time.monotonic()
    try:
        with tls(source, timeout=timeout) as sock:
            if body:
                extra += f"Content-Length: {len(body)}\r\n"
            sock.sendall(get(path, extra, method) + body)
            answer = head(sock)
            return answer and answer[0], time.monotonic() - began
    except OSError:
        return None, time.monotonic() - began


def closed_within(sock, seconds, drip=None, every=0.3):
    """Seconds until the peer has ended the connection, None if it has not. Sends `drip` meanwhile, reads what comes."""
    began = time.monotonic()
    try:
        while time.monotonic() - began < seconds:
            sock.settimeout(every)
            try:
                if not sock.recv(65536):
                    return time.monotonic() - began
            except (TimeoutError, ssl.SSLWantReadError):
                pass
            if drip:
                sock.sendall(drip)
    except OSError:
        return time.monotonic() - began
    return None


IP_BIND_ADDRESS_NO_PORT = 24
