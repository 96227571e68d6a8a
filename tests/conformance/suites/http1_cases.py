"""The tables of the `http1` suite."""
from .http1_outcomes import Case, Declined, Passed, Refused, Waits

HOST = b"Host: frontgate.test\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: frontgate.test\r\n\r\n"
BAD = Refused((400,))
NOT_THIS = Declined((400,))


def get(*lines, target=b"/", method=b"GET", version=b"HTTP/1.1", host=HOST):
    """A head."""
    return method + b" " + target + b" " + version + b"\r\n" + host + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def post(*lines, body=b"", version=b"HTTP/1.1"):
    """A request with a body."""
    return get(*lines, method=b"POST", version=version) + body


def chunked(body, *lines):
    """A chunked body, as raw bytes."""
    return post(b"Transfer-Encoding: chunked", *lines, body=body)


def first_line(line):
    """A request line, and the rest of a good request."""
    return line + b"\r\n" + HOST + b"\r\n"


# RFC 9112 §2.2: lines, and what is in front of them.
LINES = [
    ("an empty line in front", b"\r\n" + get(), Passed()),
    ("empty lines in front", b"\r\n\r\n\r\n" + get(), Passed()),
    ("a bare LF in front", b"\n" + get(), BAD),
    ("a bare CR in front", b"\r" + get(), BAD),
    ("a space in front", b" " + get(), BAD),
    ("a BOM in front", b"\xef\xbb\xbf" + get(), BAD),
    ("a NUL in front", b"\0" + get(), BAD),
    ("a TLS record instead of a request", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", BAD),
    ("bare LFs throughout", get().replace(b"\r\n", b"\n"), BAD),
    ("a bare LF behind the request line", b"GET / HTTP/1.1\n" + HOST + b"\r\n", BAD),
    ("a bare LF behind a field", b"GET / HTTP/1.1\r\nHost: frontgate.test\nX-A: 1\r\n\r\n", BAD),
    ("a bare LF for the empty line", b"GET / HTTP/1.1\r\n" + HOST + b"\n" + SMUGGLED, BAD),
    ("a bare CR for a line end", b"GET / HTTP/1.1\rHost: frontgate.test\r\r", BAD),
    ("a bare CR in a value", get(b"X-A: a\rb"), BAD),
    ("a bare CR that hides a field", get(b"X-A: a\rTransfer-Encoding: chunked"), BAD),
    ("CR CR LF", b"GET / HTTP/1.1\r\r\n" + HOST + b"\r\n", BAD),
    ("CR LF LF instead of the empty line", b"GET / HTTP/1.1\r\nHost: frontgate.test\r\n\n", BAD),
    ("a NUL in a value", get(b"X-A: a\0b"), BAD),
    ("a NUL in the target", get(target=b"/a\0b"), BAD),
    ("white space in front of the first field", b"GET / HTTP/1.1\r\n Host: frontgate.test\r\n\r\n", BAD),
    ("a line of white space in front of the first field", b"GET / HTTP/1.1\r\n \r\n" + HOST + b"\r\n", BAD),
]

# RFC 9112 §3: the request line and the target.
REQUEST_LINE = [
    ("two spaces behind the method", first_line(b"GET  / HTTP/1.1"), BAD),
    ("two spaces behind the target", first_line(b"GET /  HTTP/1.1"), BAD),
    ("a tab behind the method", first_line(b"GET\t/ HTTP/1.1"), BAD),
    ("a tab behind the target", first_line(b"GET /\tHTTP/1.1"), BAD),
    ("a form feed behind the method", first_line(b"GET\x0c/ HTTP/1.1"), BAD),
    ("a vertical tab behind the target", first_line(b"GET /\x0bHTTP/1.1"), BAD),
    ("a space behind the version", first_line(b"GET / HTTP/1.1 "), BAD),
    ("a fourth word", first_line(b"GET / HTTP/1.1 HTTP/1.1"), BAD),
    ("a space in the target", first_line(b"GET /a b HTTP/1.1"), BAD),
    ("no target", first_line(b"GET HTTP/1.1"), BAD),
    ("HTTP/0.9", b"GET /\r\n", BAD),
    ("no version", first_line(b"GET /"), BAD),
    ("HTTP/1.2", first_line(b"GET / HTTP/1.2"), Refused((400, 505)), Passed()),
    ("HTTP/2.0 in a request line", first_line(b"GET / HTTP/2.0"), Refused((400, 505))),
    ("HTTP/11", first_line(b"GET / HTTP/11"), Refused((400, 505))),
    ("HTTP/1.10", first_line(b"GET / HTTP/1.10"), Refused((400, 505))),
    ("HTTP/01.1", first_line(b"GET / HTTP/01.1"), Refused((400, 505))),
    ("HTTP/1,1", first_line(b"GET / HTTP/1,1"), Refused((400, 505))),
    ("http/1.1", first_line(b"GET / http/1.1"), Refused((400, 505))),
    ("HTTPS/1.1", first_line(b"GET / HTTPS/1.1"), Refused((400, 505))),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refused((400, 505))),
    ("a method of its own", get(method=b"BREW"), Passed(method=b"BREW")),
    ("a method of all token characters", get(method=b"!#$%&'*+-.^_`|~09azAZ"), Passed(method=b"!#$%&'*+-.^_`|~09azAZ")),
    ("a method in lower case", get(method=b"get"), Passed(method=b"get")),
    ("a method that is no token", get(method=b"G@T"), BAD),
    ("a method with a colon", get(method=b"GET:"), BAD),
    ("a method that is not ASCII", get(method=b"G\xc9T"), BAD),
    ("a method with a NUL", get(method=b"G\0T"), BAD),
    ("a method of 100 KB", get(method=b"A" * 102400), Refused((400, 501))),
    ("a method of 100 bytes", get(method=b"A" * 100), Refused((400, 501)), Passed(method=b"A" * 100)),
    ("a method that never ends", b"A" * 200000, Refused((400, 501))),
    ("a target of 8000 bytes", get(target=b"/" + b"a" * 7999), Passed(b"/" + b"a" * 7999)),
    ("a target of 100 KB", get(target=b"/" + b"a" * 102400), Refused((414, 431))),
    ("GET *", get(target=b"*"), NOT_THIS),
    ("POST *", get(b"Content-Length: 0", target=b"*", method=b"POST"), NOT_THIS),
    ("OPTIONS *", get(target=b"*", method=b"OPTIONS"), Passed(b"*"), BAD),
    ("GET **", get(target=b"**"), NOT_THIS),
    ("CONNECT", get(target=b"frontgate.test:443", method=b"CONNECT"), Refused((400, 405, 501))),
    ("CONNECT with a path", get(target=b"/", method=b"CONNECT"), Refused((400, 405, 501))),
    ("GET with an authority", get(target=b"frontgate.test:443"), NOT_THIS),
    ("a target without a slash", get(target=b"a/b"), BAD),
    ("a target that is a query", get(target=b"?a"), BAD),
    ("a raw byte beyond ASCII in the target", get(target=b"/caf\xe9"), BAD, Passed(b"/caf\xe9")),
    ("raw UTF-8 in the target", get(target=b"/caf\xc3\xa9"), NOT_THIS),
    ("a control byte in the target", get(target=b"/a\x01b"), BAD),
    ("a DEL in the target", get(target=b"/a\x7fb"), BAD),
    ("a fragment", get(target=b"/a#b"), NOT_THIS),
    ("a backslash", get(target=b"/a\\b"), Passed(b"/a\\b"), BAD),
    ("odd but whole targets", get(target=b"//a/../%2f;p?x=%zz&&=?"), Passed(b"//a/../%2f;p?x=%zz&&=?"), BAD),
    ("a lone question mark", get(target=b"/a?"), Passed(b"/a?")),
    ("two requests on a line", b"GET / HTTP/1.1 GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n", BAD),
]

# RFC 9112 §3.2: Host, and the absolute form.
HOSTS = [
    ("no Host", get(host=b""), NOT_THIS),
    ("an empty Host", get(host=b"Host:\r\n"), NOT_THIS),
    ("two Hosts", get(host=HOST + b"Host: other.test\r\n"), NOT_THIS),
    ("the same Host twice", get(host=HOST + HOST), NOT_THIS),
    ("a list of Hosts", get(host=b"Host: frontgate.test, other.test\r\n"), NOT_THIS),
    ("a Host with a path", get(host=b"Host: frontgate.test/a\r\n"), NOT_THIS),
    ("a Host with user information", get(host=b"Host: a@frontgate.test\r\n"), NOT_THIS),
    ("a Host with a space", get(host=b"Host: frontgate.test other.test\r\n"), NOT_THIS),
    ("a Host with a port that is none", get(host=b"Host: frontgate.test:x\r\n"), NOT_THIS),
    ("a Host with a port beyond all", get(host=b"Host: frontgate.test:99999\r\n"), NOT_THIS),
    ("a Host with an address left open", get(host=b"Host: [::1\r\n"), NOT_THIS),
    ("a space before the colon of Host", get(host=b"Host : frontgate.test\r\n"), BAD),
    ("a Host that is folded", get(host=b"Host:\r\n frontgate.test\r\n"), BAD),
    ("a Host beyond ASCII", get(host=b"Host: frontgate\xe9.test\r\n"), NOT_THIS),
    ("a Host with a comma behind", get(host=b"Host: frontgate.test,\r\n"), Passed()),
    ("HTTP/1.0 without a Host", get(host=b"", version=b"HTTP/1.0"), Refused((400,)), Passed(ends=True)),
    ("an absolute form that agrees", get(target=b"https://frontgate.test/a"), Passed(b"/a"), Passed(b"https://frontgate.test/a")),
    ("an absolute form with another host", get(target=b"https://other.test/a"), NOT_THIS),
    ("an absolute form with another port", get(target=b"https://frontgate.test:1/a"), NOT_THIS),
    ("an absolute form without a Host", get(target=b"https://frontgate.test/a", host=b""), NOT_THIS),
    ("an absolute form with user information", get(target=b"https://a@frontgate.test/a"), NOT_THIS),
    ("an absolute form of another scheme", get(target=b"ftp://frontgate.test/a"), Declined((400, 421))),
    ("an absolute form without a host", get(target=b"https:///a"), BAD),
    ("an absolute form with a fragment", get(target=b"https://frontgate.test/a#b"), NOT_THIS),
]

# RFC 9112 §5: fields.
FIELDS = [
    ("a space before the colon", get(b"X-A : 1"), BAD),
    ("a tab before the colon", get(b"X-A\t: 1"), BAD),
    ("a space before the colon of Content-Length", post(b"Content-Length : 5", body=b"12345"), BAD),
    ("a space before the colon of Transfer-Encoding", post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"), BAD),
    ("a folded value", get(b"X-A: 1\r\n 2"), BAD),
    ("a value folded by a tab", get(b"X-A: 1\r\n\t2"), BAD),
    ("a folded Transfer-Encoding", post(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"), BAD),
    ("a fold that hides a length", post(b"X-A: 1\r\n Content-Length: 5", body=b""), BAD),
    ("an empty name", get(b": 1"), BAD),
    ("no colon", get(b"X-A"), BAD),
    ("a space in a name", get(b"X A: 1"), BAD),
    ("a name beyond ASCII", get(b"X-\xe9: 1"), BAD),
    ("a name with a NUL", get(b"X\0A: 1"), BAD),
    ("a name with a slash", get(b"X/A: 1"), BAD),
    ("a name with brackets", get(b"X(A): 1"), BAD),
    ("a name of all token characters", get(b"!#$%&'*+-.^_`|~09azAZ: 1"), Passed()),
    ("no space behind the colon", get(b"X-A:1"), Passed()),
    ("white space around a value", get(b"X-A: \t 1 \t "), Passed()),
    ("an empty value", get(b"X-A:"), Passed()),
    ("a value beyond ASCII", get(b"X-A: caf\xe9"), Passed()),
    ("a vertical tab in a value", get(b"X-A: a\x0bb"), BAD),
    ("a DEL in a value", get(b"X-A: a\x7fb"), BAD),
    ("an escape in a value", get(b"X-A: a\x1bb"), BAD),
    ("a head of 100 KB", get(b"X-A: " + b"a" * 102400), Refused((431,))),
    ("5,000 fields", get(*[b"X-%d: 123456789" % number for number in range(5000)]), Refused((431,))),
    ("200 fields", get(*[b"X-%d: 1" % number for number in range(200)]), Passed()),
    ("hop-by-hop fields", get(b"Keep-Alive: 1", b"Proxy-Authorization: x", b"TE: gzip", b"X-Hop: 1", b"Connection: x-hop"),
     Passed(without=(b"keep-alive", b"proxy-authorization", b"te", b"x-hop", b"connection"))),
    ("a Connection that names Host", get(b"Connection: host"), Passed(), BAD),
    ("a Connection that names Content-Length", post(b"Content-Length: 5", b"Connection: content-length", body=b"12345"), Passed(body=b"12345"), BAD),
    ("an Upgrade to h2c", get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"),
     Passed(without=(b"upgrade", b"http2-settings"))),
]

# RFC 9112 §6: where the body ends.
FRAMING = [
    ("CL.TE", post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED), BAD),
    ("TE.CL", post(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=b"5c\r\n" + SMUGGLED + b"0\r\n\r\n"), BAD),
    ("CL.0", post(b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED), Passed(body=SMUGGLED)),
    ("a GET with a body", get(b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED, Passed(body=SMUGGLED)),
    ("a HEAD with a body", get(b"Content-Length: %d" % len(SMUGGLED), method=b"HEAD") + SMUGGLED, Passed(body=SMUGGLED)),
    ("a length of none", post(b"Content-Length: 0"), Passed()),
    ("a POST without a length", post(), Passed()),
    ("two lengths that differ", post(b"Content-Length: 5", b"Content-Length: 0", body=b"12345"), BAD),
    ("two lengths that agree", post(b"Content-Length: 5", b"Content-Length: 5", body=b"12345"), Passed(body=b"12345"), BAD),
    ("a list of lengths that differ", post(b"Content-Length: 5, 0", body=b"12345"), BAD),
    ("a list of lengths that agree", post(b"Content-Length: 5, 5", body=b"12345"), Passed(body=b"12345"), BAD),
    ("a length with a plus", post(b"Content-Length: +5", body=b"12345"), BAD),
    ("a length with a minus", post(b"Content-Length: -5", body=b"12345"), BAD),
    ("a length in hexadecimal", post(b"Content-Length: 0x5", body=b"12345"), BAD),
    ("a length with a point", post(b"Content-Length: 5.0", body=b"12345"), BAD),
    ("a length with an exponent", post(b"Content-Length: 5e0", body=b"12345"), BAD),
    ("a length with an underscore", post(b"Content-Length: 1_0", body=b"1234567890"), BAD),
    ("a length in two words", post(b"Content-Length: 5 5", body=b"12345"), BAD),
    ("an empty length", post(b"Content-Length:", body=b""), BAD),
    ("a length in quotes", post(b'Content-Length: "5"', body=b"12345"), BAD),
    ("a length in other digits", post("Content-Length: \u0665".encode(), body=b"12345"), BAD),
    ("a length beyond 64 bits", post(b"Content-Length: 18446744073709551621", body=b"12345"), BAD),
    ("a length with leading zeros", post(b"Content-Length: 0005", body=b"12345"), Passed(body=b"12345"), BAD),
    ("a length with a control byte", post(b"Content-Length: 5\x0b", body=b"12345"), BAD),
    ("a coding that is not known", post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"), Refused((400, 501))),
    ("identity", post(b"Transfer-Encoding: identity", body=b""), Refused((400, 501))),
    ("gzip alone", post(b"Transfer-Encoding: gzip", body=b""), Refused((400, 501))),
    ("gzip, then chunked", post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), Refused((400, 501))),
    ("chunked, then gzip", post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n"), Refused((400, 501))),
    ("chunked twice in a line", post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"), Refused((400, 501))),
    ("chunked in two lines", post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), Refused((400, 501))),
    ("chunked and identity in two lines", post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n"), Refused((400, 501))),
    ("chunked with a parameter", post(b"Transfer-Encoding: chunked;a=b", body=b"0\r\n\r\n"), Refused((400, 501))),
    ("chunked in quotes", post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"), Refused((400, 501))),
    ("chunked behind a comma", post(b"Transfer-Encoding: , chunked", body=b"0\r\n\r\n"), Refused((400, 501)), Passed()),
    ("chunked in front of a comma", post(b"Transfer-Encoding: chunked,", body=b"0\r\n\r\n"), Refused((400, 501)), Passed()),
    ("chunked behind a control byte", post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"), BAD),
    ("chunked in front of a NUL", post(b"Transfer-Encoding: chunked\0", body=b"0\r\n\r\n"), BAD),
    ("an empty coding", post(b"Transfer-Encoding:", body=b""), Refused((400, 501))),
    ("an empty coding beside a length", post(b"Transfer-Encoding:", b"Content-Length: 5", body=b"12345"), Refused((400, 501))),
    ("CHUNKED", post(b"Transfer-Encoding: CHUNKED", body=b"0\r\n\r\n"), Passed()),
    ("a tab in front of chunked", post(b"Transfer-Encoding:\tchunked", body=b"0\r\n\r\n"), Passed()),
    ("an underscore in Transfer_Encoding", post(b"Transfer_Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"), Passed(body=b"0\r\n\r\n"), BAD),
    ("chunks in HTTP/1.0", post(b"Transfer-Encoding: chunked", version=b"HTTP/1.0", body=b"0\r\n\r\n"), BAD),
    ("HTTP/1.0", get(version=b"HTTP/1.0"), Passed(ends=True)),
    ("HTTP/1.0 with keep-alive", get(b"Connection: keep-alive", version=b"HTTP/1.0"), Passed(), Passed(ends=True)),
    ("Connection: close", get(b"Connection: close"), Passed(ends=True)),
    ("Connection: Close in a list", get(b"Connection: x, Close"), Passed(ends=True)),
    ("Expect: 100-continue", post(b"Content-Length: 5", b"Expect: 100-continue", body=b"12345"), Passed(body=b"12345")),
    ("another expectation", post(b"Content-Length: 5", b"Expect: 200-ok", body=b"12345"), Refused((417,)), Passed(body=b"12345")),
    ("a GET with chunks", get(b"Transfer-Encoding: chunked") + b"5\r\n12345\r\n0\r\n\r\n", Passed(body=b"12345")),
    ("pipelined behind a body", post(b"Content-Length: 5", body=b"12345"), Passed(body=b"12345")),
]

FIVE = b"5\r\n12345\r\n"
LAST = b"0\r\n\r\n"
# RFC 9112 §7.1: chunks.
CHUNKS = [
    ("one chunk", FIVE + LAST, Passed(body=b"12345")),
    ("two chunks", FIVE + FIVE + LAST, Passed(body=b"1234512345")),
    ("no chunk but the last", LAST, Passed()),
    ("digits of either case", b"a\r\n1234567890\r\nA\r\n1234567890\r\n" + LAST, Passed(body=b"12345678901234567890")),
    ("leading zeros", b"0005\r\n12345\r\n000\r\n\r\n", Passed(body=b"12345"), BAD),
    ("leading zeros without an end", b"0" * 5000 + b"5\r\n12345\r\n" + LAST, BAD),
    ("an extension", b"5;a\r\n12345\r\n" + LAST, Passed(body=b"12345")),
    ("an extension with a value", b"5;a=b;c=d\r\n12345\r\n" + LAST, Passed(body=b"12345")),
    ("an extension in quotes", b'5;a="b;\\" c"\r\n12345\r\n' + LAST, Passed(body=b"12345")),
    ("an extension of the last chunk", FIVE + b"0;a=b\r\n\r\n", Passed(body=b"12345")),
    ("an extension of 100 KB", b"5;a=" + b"b" * 102400 + b"\r\n12345\r\n" + LAST, BAD),
    ("extensions of many small chunks", b"1;aaaaaaaaaaaaaaaa\r\n1\r\n" * 20000 + LAST, BAD),
    ("a bare semicolon", b"5;\r\n12345\r\n" + LAST, BAD),
    ("two semicolons", b"5;;a\r\n12345\r\n" + LAST, BAD),
    ("an extension that is no token", b"5;a@b\r\n12345\r\n" + LAST, BAD),
    ("an extension with an empty value", b"5;a=\r\n12345\r\n" + LAST, BAD),
    ("an extension without a name", b"5;=b\r\n12345\r\n" + LAST, BAD),
    ("an extension with a control byte", b"5;a\x01\r\n12345\r\n" + LAST, BAD),
    ("an extension with a NUL", b"5;a=\0\r\n12345\r\n" + LAST, BAD),
    ("an extension beyond ASCII", b"5;\xe9\r\n12345\r\n" + LAST, BAD),
    ("an extension with a bare LF", b"5;a\nb\r\n12345\r\n" + LAST, BAD),
    ("an extension with a bare CR", b"5;a\rb\r\n12345\r\n" + LAST, BAD),
    ("quotes that never end", b'5;a="b\r\n12345\r\n' + LAST, BAD),
    ("a line end in quotes", b'5;a="b\r\nc"\r\n12345\r\n' + LAST, BAD),
    ("white space behind a size", b"5 \r\n12345\r\n" + LAST, BAD),
    ("a tab behind a size", b"5\t\r\n12345\r\n" + LAST, BAD),
    ("white space behind the last size", FIVE + b"0 \r\n\r\n", BAD),
    ("white space in front of a semicolon", b"5 ;a\r\n12345\r\n" + LAST, Passed(body=b"12345"), BAD),
    ("white space behind a semicolon", b"5; a\r\n12345\r\n" + LAST, Passed(body=b"12345"), BAD),
    ("white space around an equals sign", b"5;a = b\r\n12345\r\n" + LAST, Passed(body=b"12345"), BAD),
    ("white space in front of a size", b" 5\r\n12345\r\n" + LAST, BAD),
    ("a size with a plus", b"+5\r\n12345\r\n" + LAST, BAD),
    ("a size with a minus", b"-5\r\n12345\r\n" + LAST, BAD),
    ("a size with 0x", b"0x5\r\n12345\r\n" + LAST, BAD),
    ("a size with an underscore", b"0_5\r\n12345\r\n" + LAST, BAD),
    ("a size with a point", b"5.0\r\n12345\r\n" + LAST, BAD),
    ("a size with a NUL", b"5\0\r\n12345\r\n" + LAST, BAD),
    ("a size that is none", b"g\r\n12345\r\n" + LAST, BAD),
    ("an empty size", b"\r\n12345\r\n" + LAST, BAD),
    ("a size of 64 bits and 5", b"10000000000000005\r\n12345\r\n" + LAST, BAD),
    ("a size of 32 bits and 5", b"100000005\r\n12345\r\n" + LAST, Waits()),
    ("a size of 17 digits, all f", b"fffffffffffffffff\r\n12345\r\n" + LAST, BAD),
    ("a size of 2^64 - 1", b"ffffffffffffffff\r\n12345\r\n" + LAST, Waits()),
    ("a bare LF behind a size", b"5\n12345\r\n" + LAST, BAD),
    ("a bare CR behind a size", b"5\r12345\r\n" + LAST, BAD),
    ("a bare LF behind data", b"5\r\n12345\n" + LAST, BAD),
    ("a bare CR behind data", b"5\r\n12345\r" + LAST, BAD),
    ("two bytes too many of data", b"5\r\n12345XX" + LAST, BAD),
    ("a chunk too long", b"3\r\n12345\r\n" + LAST, BAD),
    ("a chunk too short", b"9\r\n12345\r\n" + LAST, BAD),
    ("a bare LF behind the last size", FIVE + b"0\n\r\n", BAD),
    ("a bare LF for the last line", FIVE + b"0\r\n\n", BAD),
    ("a bare CR for the last line", FIVE + b"0\r\n\rX", BAD),
    ("a last chunk with data", FIVE + b"0\r\nX\r\n\r\n", BAD),
    ("a trailer", FIVE + b"0\r\nX-A: 1\r\n\r\n", Passed(body=b"12345")),
    ("a trailer that frames", FIVE + b"0\r\nContent-Length: 50\r\nTransfer-Encoding: chunked\r\n\r\n", Passed(body=b"12345", trailers=b""), BAD),
    ("a trailer that names the host", FIVE + b"0\r\nHost: other.test\r\n\r\n", Passed(body=b"12345", trailers=b""), BAD),
    ("a trailer that names the client", FIVE + b"0\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n", Passed(body=b"12345", trailers=b""), BAD),
    ("a trailer without a colon", FIVE + b"0\r\nX-A\r\n\r\n", BAD),
    ("a trailer with a space before the colon", FIVE + b"0\r\nX-A : 1\r\n\r\n", BAD),
    ("a folded trailer", FIVE + b"0\r\nX-A: 1\r\n 2\r\n\r\n", BAD),
    ("a trailer with a NUL", FIVE + b"0\r\nX-A: \0\r\n\r\n", BAD),
    ("a trailer with a bare CR", FIVE + b"0\r\nX-A: 1\rX-B: 2\r\n\r\n", BAD),
    ("a bare LF behind a trailer", FIVE + b"0\r\nX-A: 1\nX-B: 2\r\n\r\n", BAD),
    ("a bare LF behind the last trailer", FIVE + b"0\r\nX-A: 1\n\r\n", BAD),
    ("a bare LF for the line behind trailers", FIVE + b"0\r\nX-A: 1\r\n\n", BAD),
    ("a trailer with an empty name", FIVE + b"0\r\n: 1\r\n\r\n", BAD),
    ("trailers of 200 KB", FIVE + b"0\r\n" + b"X-A: 123456789\r\n" * 13000 + b"\r\n", Refused((400, 431))),
]


def table(section, rows):
    """The cases of a section."""
    return [Case(section, name, sent, outcomes) for name, sent, *outcomes in rows]


CASES = [
    *table("2.2", LINES), *table("3", REQUEST_LINE), *table("3.2", HOSTS), *table("5", FIELDS), *table("6", FRAMING),
    *table("7.1", [(name, chunked(sent), *outcomes) for name, sent, *outcomes in CHUNKS]),
]

# Case: why it fails.
KNOWN = {}
