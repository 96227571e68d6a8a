use super::*;

const LONGEST: usize = 1024;

/// What a head is read as, and the bytes that are left behind it.
fn taken(text: &[u8]) -> Result<Option<(RequestHead, Bytes)>, HeadError> {
    let mut input = Bytes::copy_from_slice(text);
    Ok(RequestHead::take(&mut input, LONGEST)?.map(|head| (head, input)))
}

fn head_error(text: &str) -> Option<HeadError> {
    taken(text.as_bytes()).err()
}

fn whole(text: &str) -> RequestHead {
    taken(text.as_bytes()).unwrap_or_else(|head_error| panic!("{text:?}: {head_error}")).expect("a whole head").0
}

#[test]
fn a_head_is_what_it_says() {
    let (head, rest) =
        taken(b"\r\n\r\nPOST /a//b?c HTTP/1.1\r\nHost: x\r\nX-A:  1 \r\nx-a:\r\n\r\nrest").unwrap().unwrap();
    let fields: Vec<_> = head.request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    assert_eq!(fields, [("host", &b"x"[..]), ("x-a", b"1"), ("x-a", b"")]);
    assert_eq!((head.request.method(), head.request.uri().to_string().as_str()), (&Method::POST, "/a//b?c"));
    assert_eq!((head.request.version(), head.has_fragment, &rest[..]), (Version::HTTP_11, false, &b"rest"[..]));
    assert!(whole("GET /a#b HTTP/1.1\r\n\r\n").has_fragment);
    assert!(!whole("GET /a HTTP/1.1\r\nx: #\r\n\r\n").has_fragment);
}

#[test]
fn a_head_may_come_in_pieces_but_not_with_a_flaw_in_them() {
    let text = b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n";
    for at in 0..text.len() {
        assert!(taken(&text[..at]).unwrap().is_none(), "cut at {at}");
    }
    for early in
        ["\n", "\r\r", "\r\n\n", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nHost: x\n", "GET / HTTP/1.1\r\nA: b\rc"]
    {
        assert_eq!(head_error(early), Some(HeadError::Malformed), "{early:?}");
    }
}

#[test]
fn a_head_has_one_reading_or_is_none() {
    let malformed = [
        "GET / HTTP/1.1\nHost: x\n\n",
        "GET / HTTP/1.1\r\nHost: x\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\n",
        "GET / HTTP/1.1\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\r\r\n",
        "GET / HTTP/1.1\r\rHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\x7fb\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n \r\n\r\n",
        "GET / HTTP/1.1\r\n A: b\r\n\r\n",
        "GET / HTTP/1.1\r\nA : b\r\n\r\n",
        "GET / HTTP/1.1\r\nA\t: b\r\n\r\n",
        "GET / HTTP/1.1\r\nA b: c\r\n\r\n",
        "GET / HTTP/1.1\r\n: b\r\n\r\n",
        "GET / HTTP/1.1\r\nA\r\n\r\n",
        "GET / HTTP/1.1\r\nA\u{fc}: b\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET /  HTTP/1.1\r\n\r\n",
        " GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1 \r\n\r\n",
        "GET\t/ HTTP/1.1\r\n\r\n",
        "GET /\tHTTP/1.1\r\n\r\n",
        "GET / HTTP/1.2\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET / HTTP/01.1\r\n\r\n",
        "GET / http/1.1\r\n\r\n",
        "GET /\r\n\r\n",
        "GET\r\n\r\n",
        "G@T / HTTP/1.1\r\n\r\n",
        "GET /\0 HTTP/1.1\r\n\r\n",
        "GET /a b HTTP/1.1\r\n\r\n",
        "GET /\x7f HTTP/1.1\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\u{16}\u{3}\u{1}",
    ];
    for text in malformed {
        assert_eq!(head_error(text), Some(HeadError::Malformed), "{text:?}");
    }
    assert_eq!(taken(b"GET /\xff HTTP/1.1\r\n\r\n").err(), Some(HeadError::Malformed));
}

#[test]
fn a_body_ends_in_one_place() {
    let rows: [(&str, Result<RequestFraming, HeadError>); 25] = [
        ("", Ok(RequestFraming::None)),
        ("Content-Length: 0\r\n", Ok(RequestFraming::Length(0))),
        ("Content-Length: 7\r\n", Ok(RequestFraming::Length(7))),
        ("Content-Length: 007\r\n", Ok(RequestFraming::Length(7))),
        ("Content-Length: 7\r\ncontent-length: 7\r\n", Ok(RequestFraming::Length(7))),
        ("Content-Length: 18446744073709551615\r\n", Ok(RequestFraming::Length(u64::MAX))),
        ("Content-Length: 18446744073709551616\r\n", Err(HeadError::Framing)),
        ("Content-Length: 7\r\nContent-Length: 8\r\n", Err(HeadError::Framing)),
        ("Content-Length: 7, 7\r\n", Err(HeadError::Framing)),
        ("Content-Length: 7,\r\n", Err(HeadError::Framing)),
        ("Content-Length: +7\r\n", Err(HeadError::Framing)),
        ("Content-Length: -7\r\n", Err(HeadError::Framing)),
        ("Content-Length: 0x7\r\n", Err(HeadError::Framing)),
        ("Content-Length: 7 7\r\n", Err(HeadError::Framing)),
        ("Content-Length: 7.0\r\n", Err(HeadError::Framing)),
        ("Content-Length:\r\n", Err(HeadError::Framing)),
        ("Transfer-Encoding: chunked\r\n", Ok(RequestFraming::Chunked)),
        ("Transfer-Encoding: CHUNKED\r\n", Ok(RequestFraming::Chunked)),
        ("Transfer-Encoding: chunked\r\nContent-Length: 7\r\n", Err(HeadError::Framing)),
        ("Content-Length: 7\r\nTransfer-Encoding: chunked\r\n", Err(HeadError::Framing)),
        ("Transfer-Encoding: gzip, chunked\r\n", Err(HeadError::Framing)),
        ("Transfer-Encoding: chunked, chunked\r\n", Err(HeadError::Framing)),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Err(HeadError::Framing)),
        ("Transfer-Encoding: identity\r\n", Err(HeadError::Framing)),
        ("Transfer-Encoding:\r\n", Err(HeadError::Framing)),
    ];
    for (fields, expected) in rows {
        let read = taken(format!("POST / HTTP/1.1\r\n{fields}\r\n").as_bytes());
        assert_eq!(read.map(|head| head.unwrap().0.framing), expected, "{fields}");
    }
    assert_eq!(head_error("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Some(HeadError::Framing));
}

#[test]
fn of_lengths_that_agree_one_is_left() {
    let rows = [("POST / HTTP/1.1", "7", "7"), ("HEAD / HTTP/1.0", "0", "0"), ("POST / HTTP/1.1", "007", "7")];
    for (line, first, second) in rows {
        let text =
            format!("{line}\r\nContent-Length: {first}\r\nHost: a\r\ncontent-length: {second}\r\nHost: b\r\n\r\n");
        let head = whole(&text);
        let fields: Vec<_> =
            head.request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(fields, [("content-length", first.as_bytes()), ("host", b"a"), ("host", b"b")], "{text}");
    }
}

#[test]
fn what_a_request_says_about_its_connection() {
    let options = ConnectionOptions { is_10: false, keeps: true, to_head: false, expects: false, trailers: false };
    let closes = ConnectionOptions { keeps: false, ..options };
    let old = ConnectionOptions { is_10: true, ..closes };
    let rows = [
        ("GET / HTTP/1.1\r\n", options),
        ("HEAD / HTTP/1.1\r\n", ConnectionOptions { to_head: true, ..options }),
        ("GET / HTTP/1.1\r\nConnection: x, Close\r\n", closes),
        ("GET / HTTP/1.1\r\nConnection: keep-alive\r\nConnection: close\r\n", closes),
        ("CONNECT a:443 HTTP/1.1\r\n", closes),
        ("GET / HTTP/1.0\r\n", old),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n", ConnectionOptions { keeps: true, ..old }),
        ("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n", old),
        ("GET / HTTP/1.1\r\nTE: gzip, trailers\r\n", ConnectionOptions { trailers: true, ..options }),
        ("GET / HTTP/1.0\r\nTE: trailers\r\n", old),
        (
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n",
            ConnectionOptions { expects: true, ..options },
        ),
        ("POST / HTTP/1.1\r\nContent-Length: 0\r\nExpect: 100-continue\r\n", options),
        ("POST / HTTP/1.1\r\nContent-Length: 1\r\nExpect: x\r\n", options),
        ("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n", old),
    ];
    for (text, expected) in rows {
        assert_eq!(whole(&format!("{text}\r\n")).options, expected, "{text}");
    }
}

#[test]
fn a_head_is_limited_by_its_bytes_alone() {
    let with = |size: usize| format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(size - 23));
    assert!(whole(&with(LONGEST)).request.headers().contains_key("x"));
    assert_eq!(head_error(&with(LONGEST + 1)), Some(HeadError::TooLarge));
    assert_eq!(head_error(&"x".repeat(LONGEST + 1)), Some(HeadError::Malformed), "no method is so long");
    assert_eq!(head_error(&format!("GET /{}", "x".repeat(LONGEST))), Some(HeadError::TooLarge), "before its end");
    let method = "M".repeat(LONGEST_METHOD);
    assert_eq!(whole(&format!("{method} / HTTP/1.1\r\n\r\n")).request.method().as_str(), method);
    assert_eq!(head_error(&format!("{method}M / HTTP/1.1\r\n\r\n")), Some(HeadError::Malformed));

    let fields = "a:\r\n".repeat((LONGEST - 18) / 4);
    let many = whole(&format!("GET / HTTP/1.1\r\n{fields}\r\n"));
    assert_eq!(many.request.headers().len(), (LONGEST - 18) / 4);
    let mut most = Bytes::from(format!("GET / HTTP/1.1\r\n{}\r\n", "a:\r\n".repeat(40_000)));
    assert_eq!(RequestHead::take(&mut most, 1 << 20).err(), Some(HeadError::TooLarge), "more than a map holds");
    let mut target = Bytes::from(format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(70_000)));
    assert_eq!(RequestHead::take(&mut target, 1 << 20).err(), Some(HeadError::TargetTooLong));
}
