//! [`AnswerHead`]: the head of an answer in bytes, and where its body ends. Pure.

use std::io::Write as _;
use std::time::SystemTime;

use http::header::{CONNECTION, CONTENT_LENGTH, DATE, HeaderName, TRAILER, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use httpdate::HttpDate;
use hyper::ext::ReasonPhrase;

use super::request_head::ConnectionOptions;
use crate::upstream::{put, size};

/// The head of an answer in bytes, and where its body ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AnswerHead {
    pub(super) bytes: Vec<u8>,
    pub(super) ends: AnswerFraming,
    /// Whether the connection may carry another request.
    pub(super) keeps: bool,
}

/// Where the body of an answer ends (RFC 9112 §6.3).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AnswerFraming {
    /// There is no body.
    AtOnce,
    /// After so many bytes.
    After(u64),
    /// Behind the last chunk, which these fields may follow.
    WithLastChunk(Vec<HeaderName>),
    /// At the end of the connection.
    WithConnection,
}

impl AnswerHead {
    /// Writes the head of the answer to a request with these `options`. Its body is `length` bytes long, if that is
    /// known. `now` is called where the gateway has not sent a `Date`.
    pub(super) fn write(
        answer: &Parts,
        options: ConnectionOptions,
        keeps: bool,
        length: Option<u64>,
        now: impl FnOnce() -> SystemTime,
    ) -> Self {
        let status = answer.status;
        let bodiless = status.is_informational() || status == StatusCode::NO_CONTENT;
        let ends = if bodiless || options.to_head || status == StatusCode::NOT_MODIFIED {
            AnswerFraming::AtOnce
        } else {
            match length {
                Some(length) => AnswerFraming::After(length),
                None if options.is_10 => AnswerFraming::WithConnection,
                None => AnswerFraming::WithLastChunk(announced(options, &answer.headers)),
            }
        };
        let switches = status == StatusCode::SWITCHING_PROTOCOLS;
        let keeps = keeps && !switches && ends != AnswerFraming::WithConnection;
        let room = answer.headers.iter().map(|(name, value)| size(name, value)).sum::<usize>();
        let mut bytes = Vec::with_capacity(room + AROUND);
        bytes.extend_from_slice(if options.is_10 { b"HTTP/1.0 " } else { b"HTTP/1.1 " });
        bytes.extend_from_slice(status.as_str().as_bytes());
        bytes.push(b' ');
        let said = answer.extensions.get::<ReasonPhrase>().map(ReasonPhrase::as_bytes);
        bytes.extend_from_slice(said.unwrap_or_else(|| status.canonical_reason().unwrap_or_default().as_bytes()));
        bytes.extend_from_slice(b"\r\n");
        let (mut framed, mut dated) = (false, false);
        for (name, value) in &answer.headers {
            if *name == CONTENT_LENGTH {
                match &ends {
                    // The length of the answer to a GET (RFC 9110 §8.6), but never where nothing can follow.
                    AnswerFraming::AtOnce if !bodiless => put(&mut bytes, name, value),
                    AnswerFraming::After(length) if !framed => put_length(&mut bytes, *length),
                    _ => continue,
                }
                framed = true;
                continue;
            } else if *name == TRANSFER_ENCODING || (*name == CONNECTION && !switches) {
                continue;
            } else if *name == DATE {
                dated = true;
            }
            put(&mut bytes, name, value);
        }
        match &ends {
            AnswerFraming::After(length) if !framed => put_length(&mut bytes, *length),
            AnswerFraming::WithLastChunk(_) => bytes.extend_from_slice(b"transfer-encoding: chunked\r\n"),
            _ => {}
        }
        match (keeps, options.is_10) {
            _ if switches => {}
            (true, true) => bytes.extend_from_slice(b"connection: keep-alive\r\n"),
            (true, false) => {}
            (false, _) => bytes.extend_from_slice(b"connection: close\r\n"),
        }
        if !dated {
            write(&mut bytes, format_args!("date: {}\r\n", HttpDate::from(now())));
        }
        bytes.extend_from_slice(b"\r\n");
        Self { bytes, ends, keeps }
    }
}

/// The trailers that may follow: those that the answer names, if the client said that it accepts trailers (RFC 9110
/// §6.5.1).
fn announced(options: ConnectionOptions, headers: &HeaderMap) -> Vec<HeaderName> {
    if !options.trailers {
        return Vec::new();
    }
    let names = headers.get_all(TRAILER).into_iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    names.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok()).take(MOST_TRAILERS).collect()
}

fn put_length(bytes: &mut Vec<u8>, length: u64) {
    write(bytes, format_args!("content-length: {length}\r\n"));
}

fn write(bytes: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    bytes.write_fmt(text).expect("memory takes what is written to it");
}

/// Bytes for the status line, the date, and the fields about the connection and the body.
const AROUND: usize = 160;
const MOST_TRAILERS: usize = 32;

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Response};

    use super::*;

    const GET: ConnectionOptions =
        ConnectionOptions { is_10: false, keeps: true, to_head: false, expects: false, trailers: false };
    const HEAD: ConnectionOptions = ConnectionOptions { to_head: true, ..GET };
    const OLD: ConnectionOptions = ConnectionOptions { is_10: true, ..GET };

    fn written(
        status: u16,
        fields: &[(&str, &str)],
        options: ConnectionOptions,
        keeps: bool,
        length: Option<u64>,
    ) -> AnswerHead {
        let mut answer = Response::builder().status(status);
        for (name, value) in fields {
            answer = answer.header(*name, *value);
        }
        let (parts, ()) = answer.body(()).unwrap().into_parts();
        AnswerHead::write(&parts, options, keeps, length, || SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn a_head_says_how_its_body_and_its_connection_end() {
        let dated = &[("date", "d")][..];
        let lengthy = &[("content-length", "7"), ("date", "d")][..];
        let rows = [
            (200, dated, GET, true, Some(2), "HTTP/1.1 200 OK|date: d|content-length: 2"),
            (200, lengthy, GET, true, Some(7), "HTTP/1.1 200 OK|content-length: 7|date: d"),
            (200, lengthy, GET, true, Some(2), "HTTP/1.1 200 OK|content-length: 2|date: d"),
            (200, lengthy, GET, true, None, "HTTP/1.1 200 OK|date: d|transfer-encoding: chunked"),
            (200, dated, GET, false, Some(0), "HTTP/1.1 200 OK|date: d|content-length: 0|connection: close"),
            (200, dated, OLD, true, Some(2), "HTTP/1.0 200 OK|date: d|content-length: 2|connection: keep-alive"),
            (200, dated, OLD, true, None, "HTTP/1.0 200 OK|date: d|connection: close"),
            (200, lengthy, HEAD, true, Some(0), "HTTP/1.1 200 OK|content-length: 7|date: d"),
            (200, dated, HEAD, true, Some(0), "HTTP/1.1 200 OK|date: d"),
            (304, lengthy, GET, true, Some(0), "HTTP/1.1 304 Not Modified|content-length: 7|date: d"),
            (204, lengthy, GET, true, Some(0), "HTTP/1.1 204 No Content|date: d"),
            (204, lengthy, HEAD, true, None, "HTTP/1.1 204 No Content|date: d"),
            (299, &[], GET, true, Some(0), "HTTP/1.1 299 |content-length: 0|date: Thu, 01 Jan 1970 00:00:00 GMT"),
            (
                101,
                &[("connection", "Upgrade"), ("upgrade", "websocket"), ("date", "d")],
                GET,
                true,
                Some(0),
                "HTTP/1.1 101 Switching Protocols|connection: Upgrade|upgrade: websocket|date: d",
            ),
            (
                200,
                &[("connection", "x"), ("transfer-encoding", "gzip"), ("date", "d")],
                GET,
                true,
                Some(0),
                "HTTP/1.1 200 OK|date: d|content-length: 0",
            ),
        ];
        for (status, fields, options, keeps, length, expected) in rows {
            let head = written(status, fields, options, keeps, length);
            let text = String::from_utf8(head.bytes).unwrap();
            assert_eq!(text, format!("{}\r\n\r\n", expected.replace('|', "\r\n")));
            assert_eq!(head.keeps, keeps && !expected.contains("close") && status != 101, "{expected}");
        }
    }

    #[test]
    fn trailers_are_announced_to_a_client_that_accepts_them() {
        let fields = [("trailer", "x-sum, Y ,, z\u{fc}")];
        let ends = |options| written(200, &fields, options, true, None).ends;
        assert_eq!(ends(GET), AnswerFraming::WithLastChunk(vec![]));
        let names = vec![HeaderName::from_static("x-sum"), HeaderName::from_static("y")];
        assert_eq!(ends(ConnectionOptions { trailers: true, ..GET }), AnswerFraming::WithLastChunk(names));
    }

    #[test]
    fn a_reason_passes_as_it_came() {
        let mut answer = Response::new(());
        answer.headers_mut().insert(DATE, HeaderValue::from_static("d"));
        answer.extensions_mut().insert(ReasonPhrase::from_static(b"Fine"));
        let (parts, ()) = answer.into_parts();
        let head = AnswerHead::write(&parts, GET, true, Some(0), || unreachable!());
        assert_eq!(head.bytes, b"HTTP/1.1 200 Fine\r\ndate: d\r\ncontent-length: 0\r\n\r\n");
    }
}
