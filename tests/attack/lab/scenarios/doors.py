"""Listeners beside the main one: the PROXY protocol, the admin listener from outside."""
import http.client, time
from lab import sandbox, wire
from lab.scenario import scenario


@scenario("proxy-header", 60)
def headers_of_a_proxy(lab):
    """PROXY headers that stall, never end or are too long: ended, and their connections have no client's places."""
    listen = {"https": [f"{sandbox.FRONTGATE}:8443"], "plain": [f"{sandbox.FRONTGATE}:8080"], "proxy_protocol_from": ["203.0.113.0/25"]}
    lab.start({"listen": listen, "timeouts": {"tls_handshake": "3s", "request_head": "3s"}, "limits": {"connections": 200, "connections_per_client": 50}})
    rows = {"silence": b"", "half": b"PROXY TCP4 203.0.1", "endless": b"PROXY " + b"x" * 5000, "v2 long": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff" + b"x" * 100,
            "v2 half": b"\r\n\r\n\0\r\nQU"}
    socks = {}
    for name, first in rows.items():
        sock = wire.dial(sandbox.client(1), wire.PLAIN)
        sock.sendall(first)
        socks[name] = sock
    for name, sock in socks.items():
        seconds = wire.closed_within(sock, 8)
        lab.note(f"{name} {seconds and round(seconds, 1)} s")
        lab.check(seconds is not None, f"a PROXY header ({name}) is still waited for after 8 s")
    crowd = []
    for number in range(120):
        try:
            sock = wire.dial(sandbox.client(1), wire.PLAIN, timeout=2)
            sock.sendall(f"PROXY TCP4 192.0.2.{1 + number % 200} 198.51.100.1 5 8080\r\n".encode())
            crowd.append(sock)
        except OSError:
            pass
    status, _ = wire.ask(sandbox.client(200), timeout=4)
    lab.check(status == 200, f"a client without a proxy: {status}")
    for sock in crowd:
        sock.close()


@scenario("admin-host", 60)
def a_page_that_rebinds(lab):
    """The admin listener answers its own names only: what a rebinding page sends is refused, and so is a foreign Origin."""
    lab.start()
    rows = [("evil.example:9180", {}, False), ("localhost:9180", {}, True), ("127.0.0.1:9180", {}, True), ("[::1]:9180", {}, True),
            ("localhost:9180", {"Origin": "https://evil.example"}, False), ("localhost:9180", {"Sec-Fetch-Site": "cross-site"}, False),
            ("localhost.evil.example", {}, False), ("127.0.0.1.evil.example", {}, False)]
    for path in ("/status", "/connections", "/metrics", "/"):
        for host, fields, passes in rows:
            connection = http.client.HTTPConnection("127.0.0.1", 9180, timeout=5)
            connection.putrequest("GET", path, skip_host=True)
            for name, value in {"Host": host, **fields}.items():
                connection.putheader(name, value)
            connection.endheaders()
            status = connection.getresponse().status
            connection.close()
            lab.check((status < 400) == passes or (path == "/" and status == 404), f"{path} with Host {host} {fields}: {status}")
    lab.note("asked as a page would")


@scenario("empty-config", 60, h1=1)
def a_config_that_becomes_empty(lab):
    """A configuration that becomes empty, is cut or goes away opens no guard."""
    # The defaults must have their addresses free, or a taken address would be what keeps such a configuration out.
    listen = {"https": ["[::]:8443"], "plain": []}
    lab.start({"listen": listen, "routes": [{"path": "/private", "respond": 403}, {}]})
    whole = lab.frontgate.config.read_text(encoding="utf-8")
    lab.check(wire.ask(sandbox.client(1), "/private")[0] == 403, "not guarded at the start")
    for name, text in (("empty", ""), ("a comment", "# nothing\n"), ("cut", whole[:len(whole) // 3]), ("null", "null\n"), ("gone", None)):
        if text is None:
            lab.frontgate.config.unlink()
        else:
            lab.frontgate.config.write_text(text, encoding="utf-8")
        time.sleep(1.5)
        try:
            lab.frontgate.admin("/reload", "POST", timeout=5)
        except OSError:
            pass
        status = wire.ask(sandbox.client(1), "/private")[0]
        lab.check(status == 403, f"the guard is gone ({status}) with a config that is {name}")
    lab.frontgate.config.write_text(whole, encoding="utf-8")
