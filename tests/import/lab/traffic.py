"""What is sent to both proxies."""

UPGRADE = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
]


def request(method, target, fields=(), body=b"", **more):
    fields = list(fields)
    if body or method in ("POST", "PUT", "PATCH"):
        fields.append(("Content-Length", str(len(body))))
    return {"method": method, "target": target, "fields": fields, "body": body, **more}


def chunked(target, pieces):
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return {"method": "POST", "target": target, "fields": [("Transfer-Encoding", "chunked")], "body": body}


# 40 requests: methods, targets, fields, bodies.
REQUESTS = [
    request("GET", "/"),
    request("HEAD", "/"),
    request("OPTIONS", "/"),
    request("DELETE", "/sessions/1"),
    request("PROPFIND", "/dav"),
    request("PUT", "/file", body=b"put"),
    request("PATCH", "/file", body=b'{"a":1}'),
    request("POST", "/v1/chat", [("Content-Type", "application/json")], b'{"stream":true}'),
    request("POST", "/empty"),
    request("POST", "/binary", body=bytes(range(256)) * 16),
    request("POST", "/large", body=b"x" * 300_000),
    chunked("/chunks", [b"one", b"two" * 1000, b"3"]),
    request("GET", "/chunked"),
    request("GET", "/x?status=404"),
    request("GET", "/x?status=302"),
    request("GET", "/x?status=503"),
    request("GET", "/x?"),
    request("GET", "/?a=1&a=2&b=%20+%2B&c"),
    request("GET", "/?token=abc%2Fdef&x=http://other/"),
    request("GET", "/__openclaw__/catalog-icon/https%3A%2F%2Fexample.com%2Fi.png"),
    request("GET", "/a/%2e%2e/b"),
    request("GET", "/a/../b"),
    request("GET", "/a/./b"),
    request("GET", "//double//slash//"),
    request("GET", "/semi;colon=1;x"),
    request("GET", "/t%7Eilde/~/%41"),
    request("GET", "/caf%C3%A9"),
    request("GET", "/plus+and%20space"),
    request("GET", "/" + "long/" * 200),
    request("GET", "/cookies", [("Cookie", "a=1; b=2"), ("User-Agent", "lab/1"), ("Accept-Language", "de, en;q=0.5")]),
    request("GET", "/two", [("X-Two", "one"), ("X-Two", "two")]),
    request("GET", "/under", [("X_Under_Score", "1")]),
    request("GET", "/spoof", [("X-Forwarded-For", "127.0.0.1, 10.9.9.9"), ("X-Real-IP", "127.0.0.1"), ("X-Forwarded-Proto", "ftp")]),
    request("GET", "/spoof", [("Forwarded", "for=127.0.0.1"), ("X-Forwarded-Host", "evil.example"), ("X-Forwarded-User", "root")]),
    request("GET", "/hop", [("Connection", "X-Hop"), ("X-Hop", "1"), ("Keep-Alive", "timeout=5")]),
    request("GET", "/origin", [("Origin", "https://gw.example.com"), ("Referer", "https://gw.example.com/x")]),
    request("GET", "/range", [("Range", "bytes=0-1"), ("If-None-Match", '"x"')]),
    request("GET", "/encoding", [("Accept-Encoding", "gzip, br"), ("TE", "trailers")]),
    request("GET", "/bearer", [("Authorization", "Bearer not-a-token")]),
    request("GET", "/close", [("Connection", "close")]),
]

# 5 upgrades.
UPGRADES = [
    request("GET", "/", UPGRADE),
    request("GET", "/ws?token=a%2Fb", [*UPGRADE, ("Origin", "https://gw.example.com")]),
    request("GET", "/openclaw", [*UPGRADE, ("Sec-WebSocket-Protocol", "claw.v1, claw.v2")]),
    request("GET", "/__openclaw__/desktop/observe", [*UPGRADE, ("Sec-WebSocket-Extensions", "permessage-deflate")]),
    request("GET", "/x", [*UPGRADE, ("Cookie", "a=1"), ("X-Forwarded-For", "127.0.0.1")]),
]

assert (len(REQUESTS), len(UPGRADES)) == (40, 5)


def below(prefix, requests):
    """The same, below a path."""
    return [{**one, "target": prefix + one["target"]} for one in requests]
