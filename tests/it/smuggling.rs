//! Requests that two parsers could read differently: refused, or made into something that has one reading.

use crate::harness::{Outcome, gateway, in_lower_case, proxy};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A field, name and value.
type Field = (&'static [u8], &'static [u8]);

/// What becomes of a request.
enum Fate {
    /// A page with this status; the gateway sees nothing.
    Refused(u16),
    /// The gateway sees exactly these bytes, but for the case of names, and nothing behind them.
    Passed(&'static str),
}

use Fate::{Passed, Refused};

#[rustfmt::skip]
const ROWS: &[(&str, &str, Fate)] = &[
    // Two lengths.
    ("CL and TE", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\n", Refused(400)),
    ("TE and CL", "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", Refused(400)),
    ("two CLs that differ", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", Refused(400)),
    ("a list of CLs", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1, 2\r\n\r\nab", Refused(400)),
    ("two CLs that agree", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", Passed("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab")),
    ("a signed CL", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: +2\r\n\r\nab", Refused(400)),
    ("a negative CL", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -2\r\n\r\nab", Refused(400)),
    ("a hexadecimal CL", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0x2\r\n\r\nab", Refused(400)),
    ("an empty CL", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length:\r\n\r\n", Refused(400)),
    ("a CL beyond 64 bits", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n", Refused(400)),
    // Transfer codings.
    ("an unknown coding", "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n", Refused(400)),
    ("chunked not last", "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", Refused(400)),
    ("identity", "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nab", Refused(400)),
    ("another coding below chunked", "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", Refused(400)),
    ("chunked twice", "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", Refused(400)),
    ("two TE lines", "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a space before the colon", "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a tab before the value", "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n", Passed("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
    ("a vertical tab before the value", "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", Refused(400)),
    ("capitals", "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n", Passed("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
    ("chunks with HTTP/1.0", "POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(400)),
    ("an underscore for the hyphen", "POST / HTTP/1.1\r\nHost: localhost\r\nContent_Length: 2\r\nContent-Length: 0\r\n\r\n", Passed("POST / HTTP/1.1\r\nHost: localhost\r\nContent_Length: 2\r\nContent-Length: 0\r\n\r\n")),
    // Heads.
    ("a folded line", "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\n more\r\n\r\n", Refused(400)),
    ("a folded first line", "GET / HTTP/1.1\r\n Host: localhost\r\n\r\n", Refused(400)),
    ("a NUL in a value", "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n", Refused(400)),
    ("a CR in a value", "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: a\rb\r\n\r\n", Refused(400)),
    ("a DEL in a value", "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: a\x7fb\r\n\r\n", Refused(400)),
    ("a NUL in a name", "GET / HTTP/1.1\r\nHost: localhost\r\nX\0A: a\r\n\r\n", Refused(400)),
    ("no colon", "GET / HTTP/1.1\r\nHost: localhost\r\nX-A\r\n\r\n", Refused(400)),
    ("no name", "GET / HTTP/1.1\r\nHost: localhost\r\n: a\r\n\r\n", Refused(400)),
    ("a space in a name", "GET / HTTP/1.1\r\nHost: localhost\r\nX A: a\r\n\r\n", Refused(400)),
    ("bare LFs", "GET / HTTP/1.1\nHost: localhost\nX-A: 1\n\n", Refused(400)),
    ("bare LFs but for the last line", "GET / HTTP/1.1\nHost: localhost\nX-A: 1\r\n\r\n", Refused(400)),
    ("a bare LF behind a field", "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: 1\nX-B: 2\r\n\r\n", Refused(400)),
    ("a bare LF for the empty line", "GET / HTTP/1.1\r\nHost: localhost\r\n\nGET /evil HTTP/1.1\r\n\r\n", Refused(400)),
    ("a bare LF before", "\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n", Refused(400)),
    ("a bare CR before", "\rGET / HTTP/1.1\r\nHost: localhost\r\n\r\n", Refused(400)),
    ("a CR too many", "GET / HTTP/1.1\r\r\nHost: localhost\r\n\r\n", Refused(400)),
    ("asterisk for a GET", "GET * HTTP/1.1\r\nHost: localhost\r\n\r\n", Refused(400)),
    ("asterisk with more", "OPTIONS *a HTTP/1.1\r\nHost: localhost\r\n\r\n", Refused(400)),
    ("bytes beyond ASCII in the target", "GET /gr\u{fc}n HTTP/1.1\r\nHost: localhost\r\n\r\n", Refused(400)),
    ("empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n", Passed("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")),
    ("two spaces in the first line", "GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n", Refused(400)),
    ("a tab in the first line", "GET\t/ HTTP/1.1\r\nHost: localhost\r\n\r\n", Refused(400)),
    ("a space behind the version", "GET / HTTP/1.1 \r\nHost: localhost\r\n\r\n", Refused(400)),
    ("a version that is none", "GET / HTTP/1.2\r\nHost: localhost\r\n\r\n", Refused(400)),
    ("HTTP/2 in the first line", "GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", Refused(400)),
    ("HTTP/0.9", "GET /\r\n\r\n", Refused(400)),
    ("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refused(400)),
    ("a method with a colon", "GE:T / HTTP/1.1\r\nHost: localhost\r\n\r\n", Refused(400)),
    ("TLS where HTTP belongs", "\x16\x03\x01\x02\0\x01\0\x01\u{7f}\r\n\r\n", Refused(400)),
    // A body where none is usual is framed all the same.
    ("a GET with a body", "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab", Passed("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab")),
    ("a body behind a GET without a length is the next request", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nX", Passed("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")),
    ("no client names the length away", "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: Content-Length\r\nContent-Length: 2\r\n\r\nab", Passed("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab")),
];

#[tokio::test]
async fn a_request_has_one_reading_or_is_refused() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut wrong = Vec::new();
    for (name, request, disposition) in ROWS {
        let mut client = proxy.client().await;
        client.send(request).await;
        let Some(response) = client.next_response().await else {
            wrong.push(format!("{name}: no answer"));
            continue;
        };
        let seen = if response.status() == 200 { Some(gateway.request().await.text()) } else { None };
        let right = match disposition {
            Refused(status) => response.status() == *status,
            Passed(expected) => seen == Some(in_lower_case(expected)),
        };
        if !right || gateway.unexpected().is_some() {
            wrong.push(format!("{name}: {} {seen:?}", response.head()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A body that turns out to be none: the client's connection ends, and what the gateway saw of it was never a whole
/// request.
#[tokio::test]
async fn chunks_that_are_none_never_end_a_request() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let rows = [
        ("no size", "\r\n\r\n"),
        ("a size that is no number", "xyz\r\nab\r\n0\r\n\r\n"),
        ("a negative size", "-1\r\nab\r\n0\r\n\r\n"),
        ("a size with 0x", "0x2\r\nab\r\n0\r\n\r\n"),
        ("a size beyond 64 bits", "fffffffffffffffff\r\nab\r\n0\r\n\r\n"),
        ("a chunk longer than its size", "2\r\nabc\r\n0\r\n\r\n"),
        ("a chunk shorter than its size", "4\r\nab\r\n0\r\n\r\n"),
        ("a NUL in the size", "2\0\r\nab\r\n0\r\n\r\n"),
        ("LF behind the size", "2\nab\r\n0\r\n\r\n"),
        ("LF in an extension", "2;a\nb\r\nab\r\n0\r\n\r\n"),
        ("LF behind the chunk", "2\r\nab\n0\r\n\r\n"),
        ("white space behind the size", "2 \r\nab\r\n0\r\n\r\n"),
        ("white space before an extension", "2 ;a\r\nab\r\n0\r\n\r\n"),
        ("an extension without a name", "2;\r\nab\r\n0\r\n\r\n"),
        ("an extension that is no token", "2;a@b\r\nab\r\n0\r\n\r\n"),
        ("an extension without its value", "2;a=\r\nab\r\n0\r\n\r\n"),
        ("a control character in an extension", "2;a=\"\x01\"\r\nab\r\n0\r\n\r\n"),
        ("a bare CR in an extension", "2;a\rb\r\nab\r\n0\r\n\r\n"),
        ("LF behind a trailer", "2\r\nab\r\n0\r\nX-A: 1\n\r\n"),
        ("LF behind the trailers", "2\r\nab\r\n0\r\nX-A: 1\r\n\nGET /evil HTTP/1.1\r\n\r\n"),
        ("LF for all that follows", "2\r\nab\r\n0\r\n\nGET /evil HTTP/1.1\r\n\r\n"),
        ("a bare CR in a trailer", "2\r\nab\r\n0\r\nX-A: \r1\r\n\r\n"),
        ("a folded trailer", "2\r\nab\r\n0\r\nX-A: 1\r\n 2\r\n\r\n"),
        ("white space in front of a trailer's colon", "2\r\nab\r\n0\r\nX-A : 1\r\n\r\n"),
    ];
    for (name, body) in rows {
        let mut client = proxy.client().await;
        client.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        client.send(body).await;
        // A body that can still be whole ends with the connection.
        if name == "a chunk shorter than its size" {
            client.finish().await;
        }
        let (answer, _) = client.rest().await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{name}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{name}: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{name}: {answer}");
        // Nothing, or a request that never came to its end.
        assert!(gateway.unexpected().is_none_or(|request| !request.complete), "{name}");
    }
}

#[tokio::test]
async fn an_http2_request_cannot_smuggle_a_field_or_a_length() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let rows: &[(&str, &[Field])] = &[
        ("a line end in a value", &[(b"x-a", b"1\r\nx-b: 2")]),
        ("an LF in a value", &[(b"x-a", b"1\nx-b: 2")]),
        ("a NUL in a value", &[(b"x-a", b"1\0")]),
        ("a line end in a name", &[(b"x-a: 1\r\nx-b", b"2")]),
        ("a colon in a name", &[(b"x-a: 1", b"2")]),
        ("a capital in a name", &[(b"X-A", b"1")]),
        ("an empty name", &[(b"", b"1")]),
        ("a field for the connection", &[(b"connection", b"x-a")]),
        ("transfer-encoding", &[(b"transfer-encoding", b"chunked")]),
        ("a coding that te may not name", &[(b"te", b"gzip")]),
        ("a length without a body", &[(b"content-length", b"5")]),
        ("two lengths", &[(b"content-length", b"0"), (b"content-length", b"1")]),
        ("a pseudo field twice", &[(b":path", b"/other")]),
        ("an unknown pseudo field", &[(b":evil", b"1")]),
        ("another host", &[(b"host", b"other")]),
    ];
    for (name, extra) in rows {
        let mut client = proxy.raw_http2().await;
        let mut fields: Vec<Field> =
            vec![(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"localhost"), (b":path", b"/")];
        fields.extend_from_slice(extra);
        let outcome = client.ask(&fields).await;
        assert!(matches!(outcome, Outcome::Reset | Outcome::GoAway | Outcome::Status(400)), "{name}: {outcome:?}");
        assert_eq!(gateway.unexpected(), None, "{name}");
    }
}
