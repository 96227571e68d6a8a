use super::*;

fn parse(text: &str, to_head: bool) -> Result<Option<ResponseHead>, ParseError> {
    ResponseHead::parse(&Bytes::copy_from_slice(text.as_bytes()), 4096, to_head)
}

/// Where the body ends, in a word.
fn framing(head: &ResponseHead) -> String {
    match &head.body {
        BodyDecoder::Over => "none".into(),
        BodyDecoder::Length(length) => length.to_string(),
        BodyDecoder::Chunked(_) => "chunked".into(),
        BodyDecoder::UntilClose => "until close".into(),
    }
}

#[test]
fn the_body_has_one_end_or_the_answer_is_refused() {
    let rows: [(&str, &str, Result<&str, ParseError>); 36] = [
        ("200", "content-length: 2", Ok("2")),
        ("200", "content-length: 0", Ok("0")),
        ("200", "content-length: 18446744073709551615", Ok("18446744073709551615")),
        ("200", "Content-Length: 2\r\nCONTENT-LENGTH: 2", Ok("2")),
        ("200", "content-length: 2, 2", Ok("2")),
        ("200", "content-length: 2\r\ncontent-length: 3", Err(ParseError::Length)),
        ("200", "content-length: 2, 2, 2", Ok("2")),
        ("200", "content-length: 2, 3", Err(ParseError::Length)),
        ("200", "content-length: 1a", Err(ParseError::Length)),
        // The number fits in 20 digits, and overflows before the last one is added.
        ("200", "content-length: 20000000000000000000", Err(ParseError::Length)),
        ("200", "content-length: 2,", Err(ParseError::Length)),
        ("200", "content-length:", Err(ParseError::Length)),
        ("200", "content-length: +2", Err(ParseError::Length)),
        ("200", "content-length: -2", Err(ParseError::Length)),
        ("200", "content-length: 0x2", Err(ParseError::Length)),
        ("200", "content-length: 2 2", Err(ParseError::Length)),
        ("200", "content-length: 18446744073709551616", Err(ParseError::Length)),
        ("200", "transfer-encoding: chunked", Ok("chunked")),
        ("200", "Transfer-Encoding:\tCHUNKED ", Ok("chunked")),
        ("200", "transfer-encoding: gzip", Err(ParseError::Coding)),
        ("200", "transfer-encoding: gzip, chunked", Err(ParseError::Coding)),
        ("200", "transfer-encoding: chunked, identity", Err(ParseError::Coding)),
        ("200", "transfer-encoding: xchunked", Err(ParseError::Coding)),
        ("200", "transfer-encoding: chunked\r\ntransfer-encoding: chunked", Err(ParseError::Coding)),
        ("200", "transfer-encoding:", Err(ParseError::Coding)),
        ("200", "transfer-encoding: chunked\r\ncontent-length: 2", Err(ParseError::TwoLengths)),
        ("200", "content-length: 2\r\ntransfer-encoding: chunked", Err(ParseError::TwoLengths)),
        ("200", "transfer_encoding: chunked\r\ncontent-length: 2", Ok("2")),
        ("200", "a: 1", Ok("until close")),
        ("204", "content-length: 2", Ok("none")),
        ("304", "content-length: 2", Ok("none")),
        ("304", "transfer-encoding: chunked", Ok("none")),
        ("103", "content-length: 2", Ok("none")),
        ("101", "content-length: 2", Ok("none")),
        ("205", "content-length: 0", Ok("0")),
        ("999", "content-length: 0", Ok("0")),
    ];
    for (status, fields, expected) in rows {
        let head = parse(&format!("HTTP/1.1 {status} X\r\n{fields}\r\n\r\nbody"), false);
        let said =
            head.as_ref().map(|head| framing(head.as_ref().expect("it is whole"))).map_err(|parse_error| *parse_error);
        assert_eq!(said, expected.map(str::to_owned), "{status} {fields}");
        if let Ok(Some(head)) = head
            && !["204", "304", "103", "101"].contains(&status)
        {
            assert!(head.response.headers().get_all(CONTENT_LENGTH).iter().count() <= 1, "{fields}");
        }
        assert_eq!(framing(&parse("HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\n", true).unwrap().unwrap()), "none");
    }
    let old = parse("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", false);
    assert_eq!(old.err(), Some(ParseError::Coding));
}

#[test]
fn the_connection_stays_if_both_sides_know_where_the_answer_ends() {
    let rows = [
        ("1.1", "200", "content-length: 2", true),
        ("1.1", "200", "transfer-encoding: chunked", true),
        ("1.1", "204", "a: 1", true),
        ("1.1", "200", "content-length: 2\r\nconnection: close", false),
        ("1.1", "200", "content-length: 2\r\nconnection: x-a, Close", false),
        ("1.1", "200", "content-length: 2\r\nconnection: close\r\nconnection: keep-alive", false),
        ("1.1", "200", "content-length: 2\r\nconnection: keep-alive", true),
        ("1.0", "200", "content-length: 2\r\nconnection: Keep-Alive", true),
        ("1.1", "200", "a: 1", false),
        ("1.1", "101", "connection: upgrade", false),
        ("1.0", "200", "content-length: 2", false),
        ("1.0", "200", "content-length: 2\r\nconnection: keep-alive", true),
        ("1.0", "200", "content-length: 2\r\nconnection: keep-alive, close", false),
        ("1.0", "200", "connection: keep-alive", false),
    ];
    for (version, status, fields, stays) in rows {
        let head = parse(&format!("HTTP/{version} {status} OK\r\n{fields}\r\n\r\n"), false).unwrap().unwrap();
        assert_eq!(head.stays, stays, "{version} {status} {fields}");
    }
}

#[test]
fn what_is_about_the_connection_ends_here_and_the_rest_keeps_its_order() {
    let fields = "Server: x\r\nConnection: keep-alive\r\nSet-Cookie: a=1\r\nKeep-Alive: timeout=5\r\n\
                  Transfer-Encoding: chunked\r\nDate: gr\u{fc}n\r\nset-cookie: b=2\r\nX-Empty:";
    let head = parse(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n"), false).unwrap().unwrap();
    let lines: Vec<_> = head.response.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let date = "gr\u{fc}n";
    let expected: [(&str, &[u8]); 5] =
        [("server", b"x"), ("set-cookie", b"a=1"), ("set-cookie", b"b=2"), ("date", date.as_bytes()), ("x-empty", b"")];
    assert_eq!(lines, expected);
    for (status, fields) in [("200", "connection: close, x-a"), ("101", "connection: keep-alive")] {
        let head = parse(&format!("HTTP/1.1 {status} OK\r\n{fields}\r\n\r\n"), false).unwrap().unwrap();
        assert!(head.response.headers().contains_key(CONNECTION), "{fields}");
    }
}

#[test]
fn a_reason_of_its_own_is_kept() {
    for (line, kept) in [("200 OK", None), ("200 Fine", Some(&b"Fine"[..])), ("299 ", Some(b"")), ("299", Some(b""))] {
        let head = parse(&format!("HTTP/1.1 {line}\r\n\r\n"), false).unwrap().unwrap();
        let reason = head.response.extensions().get::<ReasonPhrase>().map(ReasonPhrase::as_bytes);
        assert_eq!(reason, kept, "{line}");
    }
}

#[test]
fn a_head_is_asked_for_until_it_is_whole_and_never_beyond_the_limit() {
    let text = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
    for at in 0..text.len() {
        assert!(parse(&text[..at], false).unwrap().is_none(), "{at}");
        assert!(!may_be_whole(&text.as_bytes()[..at], 0), "{at}");
        assert!(may_be_whole(text.as_bytes(), at), "{at}");
    }
    assert_eq!(parse(text, false).unwrap().unwrap().length, text.len());
    let bare = text.replace('\r', "");
    for at in 0..bare.len() {
        assert!(parse(&bare[..at], false).unwrap().is_none(), "{at} of bare lines");
        assert!(!may_be_whole(&bare.as_bytes()[..at], 0), "{at} of bare lines");
        assert!(may_be_whole(bare.as_bytes(), at), "{at} of bare lines");
    }
    assert_eq!(parse(&bare, false).unwrap().unwrap().length, bare.len());
    let long = |length: usize| format!("HTTP/1.1 200 OK\r\na: {}", "x".repeat(length - 20));
    assert!(parse(&long(4096), false).unwrap().is_none());
    assert_eq!(parse(&long(4097), false).err(), Some(ParseError::LongHead(4096)));
    assert_eq!(parse(&(long(4096) + "\r\n\r\n"), false).err(), Some(ParseError::LongHead(4096)));
}

#[test]
fn the_status_and_the_version_are_those_of_the_first_line() {
    for (line, version, status) in [
        ("HTTP/1.1 200 OK", Version::HTTP_11, 200),
        ("HTTP/1.0 404 Not Found", Version::HTTP_10, 404),
        ("HTTP/1.1 100 Continue", Version::HTTP_11, 100),
        ("HTTP/1.0 999", Version::HTTP_10, 999),
    ] {
        let head = parse(&format!("{line}\r\n\r\n"), false).unwrap().unwrap();
        assert_eq!((head.response.version(), head.response.status().as_u16()), (version, status), "{line}");
    }
}

#[test]
fn a_head_has_as_many_fields_as_its_length_allows() {
    for count in [USUAL_FIELDS - 1, USUAL_FIELDS, USUAL_FIELDS + 1, 257, 600] {
        let text = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: 1\r\n".repeat(count));
        let head = parse(&text, false).unwrap().unwrap();
        assert_eq!(head.response.headers().get_all("a").iter().count(), count);
    }
}

#[test]
fn what_is_no_head_is_refused() {
    use httparse::Error::{HeaderName, HeaderValue, Status, Version};
    let rows = [
        ("SSH-2.0-x\r\n\r\n", ParseError::Head(Version)),
        ("HTTP/2.0 200 OK\r\n\r\n", ParseError::Head(Version)),
        ("HTTP/1.2 200 OK\r\n\r\n", ParseError::Head(Version)),
        ("HTTP/1.1 2000 OK\r\n\r\n", ParseError::Head(Status)),
        ("HTTP/1.1 20 OK\r\n\r\n", ParseError::Head(Status)),
        ("HTTP/1.1 099 X\r\n\r\n", ParseError::Status),
        ("HTTP/1.1 200 OK\r\na: 1\r\n b\r\n\r\n", ParseError::Head(HeaderName)),
        ("HTTP/1.1 200 OK\r\na : 1\r\n\r\n", ParseError::Head(HeaderName)),
        ("HTTP/1.1 200 OK\r\n: 1\r\n\r\n", ParseError::Head(HeaderName)),
        ("HTTP/1.1 200 OK\r\na\r\n\r\n", ParseError::Head(HeaderName)),
        ("HTTP/1.1 200 OK\r\na: \0\r\n\r\n", ParseError::Head(HeaderValue)),
        ("HTTP/1.1 200 OK\r\na: 1\rb: 2\r\n\r\n", ParseError::Head(HeaderValue)),
    ];
    for (text, parse_error) in rows {
        assert_eq!(parse(text, false).err(), Some(parse_error), "{text:?}");
    }
}
