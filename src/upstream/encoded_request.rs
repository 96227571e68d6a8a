//! [`EncodedRequest`]: a request as it goes out, its head encoded already.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, TRAILER, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{Method, Request};
use http_body::Body as _;

use super::RequestBody;

/// A request as it goes out: its head in bytes, and its body.
///
/// Nothing in it can be taken for the end of a line too early: a [`Method`] and a [`HeaderName`] are made of token
/// characters, a [`PathAndQuery`] has no byte below 0x21, and a [`HeaderValue`] neither CR, LF nor NUL.
#[derive(Debug)]
pub struct EncodedRequest {
    pub(super) head: Vec<u8>,
    pub(super) body: RequestBody,
    pub(super) framing: EncodedFraming,
    /// The fields that may follow the last chunk.
    pub(super) trailers: Vec<HeaderName>,
    /// Whether the answer has no body, since this is a HEAD (RFC 9112 §6.3).
    pub(super) to_head: bool,
    /// Whether it may be sent twice (RFC 9110 §9.2.2), and has no body that could be gone.
    pub(super) repeatable: bool,
}

/// Where a body ends (RFC 9112 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EncodedFraming {
    /// There is no body.
    None,
    /// After so many bytes.
    Length(u64),
    /// Behind its last chunk.
    Chunked,
}

/// A request without a body, which may be sent more than once. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EncodedHead(Arc<[u8]>);

impl EncodedHead {
    /// The request, to be sent once.
    pub(crate) fn request(&self) -> Box<EncodedRequest> {
        Box::new(EncodedRequest {
            head: self.0.to_vec(),
            body: RequestBody::Empty,
            framing: EncodedFraming::None,
            trailers: Vec::new(),
            to_head: false,
            repeatable: true,
        })
    }
}

/// Writes a request's head, line by line.
#[derive(Debug)]
pub struct HeadWriter {
    encoded: EncodedRequest,
    framed: bool,
}

impl EncodedRequest {
    /// Begins the head of a request over HTTP/1.1. `room` is how many bytes its fields will hardly exceed.
    pub fn writer(method: &Method, target: &PathAndQuery, body: RequestBody, room: usize) -> HeadWriter {
        let framing = match body.size_hint().exact() {
            _ if body.is_empty() => EncodedFraming::None,
            Some(length) => EncodedFraming::Length(length),
            None => EncodedFraming::Chunked,
        };
        let (method_text, target) = (method.as_str(), target.as_str());
        let mut head = Vec::with_capacity(method_text.len() + target.len() + FIRST_LINE + room);
        head.extend_from_slice(method_text.as_bytes());
        head.push(b' ');
        // An absolute form may have no path, and then has an empty one (RFC 9112 §3.2.1).
        if !target.starts_with(['/', '*']) {
            head.push(b'/');
        }
        head.extend_from_slice(target.as_bytes());
        head.extend_from_slice(b" HTTP/1.1\r\n");
        let repeatable = framing == EncodedFraming::None && method.is_idempotent();
        let to_head = *method == Method::HEAD;
        HeadWriter { encoded: Self { head, body, framing, trailers: Vec::new(), to_head, repeatable }, framed: false }
    }
}

impl EncodedRequest {
    /// The bytes that the request takes while it waits for a gateway: its head, which the client's connection may keep
    /// as it came, and what the client sends ahead of its body.
    pub(crate) fn weight(&self) -> usize {
        let ahead = match self.framing {
            EncodedFraming::None => 0,
            EncodedFraming::Length(length) => usize::try_from(length).unwrap_or(AHEAD).min(AHEAD),
            EncodedFraming::Chunked => AHEAD,
        };
        2 * self.head.capacity() + ahead
    }

    /// The request for another time, if it is a GET without a body.
    pub(crate) fn again(&self) -> Option<EncodedHead> {
        let is_get = self.head.starts_with(b"GET ") && self.framing == EncodedFraming::None && self.trailers.is_empty();
        is_get.then(|| EncodedHead(self.head.as_slice().into()))
    }

    /// The part of its body that was not sent.
    pub(crate) fn into_body(self) -> RequestBody {
        self.body
    }
}

impl From<Request<RequestBody>> for Box<EncodedRequest> {
    fn from(request: Request<RequestBody>) -> Self {
        let (head, body) = request.into_parts();
        let root = PathAndQuery::from_static("/");
        let target = head.uri.path_and_query().unwrap_or(&root);
        let room = head.headers.iter().map(|(name, value)| size(name, value)).sum();
        let mut writer = EncodedRequest::writer(&head.method, target, body, room);
        for (name, value) in &head.headers {
            writer.field(name, value);
        }
        writer.end()
    }
}

impl HeadWriter {
    /// Adds a field. Fields that say where the body ends are written according to the actual body, and never contradict
    /// each other.
    pub fn field(&mut self, name: &HeaderName, value: &HeaderValue) {
        if *name == CONTENT_LENGTH {
            return self.frame(true);
        } else if *name == TRANSFER_ENCODING {
            return;
        } else if *name == TRAILER {
            let names = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            self.encoded
                .trailers
                .extend(names.filter_map(|name| HeaderName::from_bytes(name).ok()).take(MOST_TRAILERS));
        }
        put(&mut self.encoded.head, name, value);
    }

    /// Ends the head.
    pub fn end(mut self) -> Box<EncodedRequest> {
        self.frame(false);
        self.encoded.head.extend_from_slice(b"\r\n");
        Box::new(self.encoded)
    }

    /// Writes once how long the body is; of an empty body only if that was `asked` for.
    fn frame(&mut self, asked: bool) {
        if std::mem::replace(&mut self.framed, true) {
            return;
        }
        let head = &mut self.encoded.head;
        match self.encoded.framing {
            EncodedFraming::None if asked => head.extend_from_slice(b"content-length: 0\r\n"),
            EncodedFraming::None => {}
            EncodedFraming::Length(length) => write(head, format_args!("content-length: {length}\r\n")),
            EncodedFraming::Chunked => head.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        }
    }
}

/// Bytes of a body that a client sends before they are asked for, until its connection takes no more.
const AHEAD: usize = 64 << 10;

/// The bytes that a field takes, with its colon, space and line end.
pub(crate) fn size(name: &HeaderName, value: &HeaderValue) -> usize {
    name.as_str().len() + value.len() + 4
}

/// The line in front of a chunk (RFC 9112 §7.1).
pub(crate) fn chunk_line(line: &mut Vec<u8>, data: &Bytes) {
    write(line, format_args!("{:x}\r\n", data.len()));
}

/// The last chunk, and the `trailers` that were announced and may stand there.
pub(crate) fn last_chunk(line: &mut Vec<u8>, announced: &[HeaderName], trailers: &http::HeaderMap) {
    line.extend_from_slice(b"0\r\n");
    for (name, value) in trailers {
        if announced.contains(name) && may_trail(name) {
            put(line, name, value);
        }
    }
    line.extend_from_slice(b"\r\n");
}

/// A field's line.
pub(crate) fn put(bytes: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    bytes.extend_from_slice(name.as_str().as_bytes());
    bytes.extend_from_slice(if value.is_empty() { &b":"[..] } else { b": " });
    bytes.extend_from_slice(value.as_bytes());
    bytes.extend_from_slice(b"\r\n");
}

/// Whether a field may follow the body: not if it decides over framing or routing, or identifies the client (RFC 9110
/// §6.5.1). A gateway may put it with the fields of the head, and take `_` for `-` there.
fn may_trail(name: &HeaderName) -> bool {
    let name = name.as_str().replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    !FIRST_ONLY.contains(&name.as_str()) && !NEVER_BEHIND.iter().any(|start| name.starts_with(start))
}

fn write(bytes: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    bytes.write_fmt(text).expect("memory takes what is written to it");
}

const FIRST_ONLY: &[&str] = &[
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "max-forwards",
    "origin",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-real-ip",
];
const NEVER_BEHIND: &[&str] = &["x-forwarded", "proxy-", "sec-"];
/// Bytes for what stands around method and target, and for the framing.
const FIRST_LINE: usize = 48;
const MOST_TRAILERS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(encoded: &EncodedRequest) -> &str {
        std::str::from_utf8(&encoded.head).unwrap()
    }

    fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> Box<EncodedRequest> {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(RequestBody::Empty).unwrap().into()
    }

    #[test]
    fn a_head_is_the_request_line_and_the_fields_in_their_order() {
        type Fields = &'static [(&'static str, &'static str)];
        let rows: [(&str, &str, Fields, &str); 6] = [
            ("GET", "/", &[], "GET / HTTP/1.1\r\n\r\n"),
            ("GET", "/a//b/../%2f;c+d?", &[("Host", "x")], "GET /a//b/../%2f;c+d? HTTP/1.1\r\nhost: x\r\n\r\n"),
            ("OPTIONS", "*", &[], "OPTIONS * HTTP/1.1\r\n\r\n"),
            ("GET", "http://x?y", &[], "GET /?y HTTP/1.1\r\n\r\n"),
            ("PURGE", "/", &[("B", "1"), ("a", ""), ("B", "2")], "PURGE / HTTP/1.1\r\nb: 1\r\nb: 2\r\na:\r\n\r\n"),
            ("GET", "/", &[("x", "gr\u{fc}n")], "GET / HTTP/1.1\r\nx: gr\u{fc}n\r\n\r\n"),
        ];
        for (method, target, fields, expected) in rows {
            assert_eq!(text(&request(method, target, fields)), expected);
        }
    }

    #[test]
    fn only_the_body_says_how_long_it_is() {
        let fields = [("content-length", "7"), ("transfer-encoding", "chunked"), ("content-length", "9"), ("a", "1")];
        let rows = [
            (EncodedFraming::None, true, "content-length: 0\r\na: 1\r\n\r\n"),
            (EncodedFraming::None, false, "a: 1\r\n\r\n"),
            (EncodedFraming::Length(5), true, "content-length: 5\r\na: 1\r\n\r\n"),
            (EncodedFraming::Length(5), false, "a: 1\r\ncontent-length: 5\r\n\r\n"),
            (EncodedFraming::Chunked, true, "transfer-encoding: chunked\r\na: 1\r\n\r\n"),
            (EncodedFraming::Chunked, false, "a: 1\r\ntransfer-encoding: chunked\r\n\r\n"),
        ];
        for (framing, named, expected) in rows {
            let mut writer =
                EncodedRequest::writer(&Method::POST, &PathAndQuery::from_static("/"), RequestBody::Empty, 0);
            writer.encoded.framing = framing;
            for (name, value) in fields {
                if named || name != "content-length" {
                    writer.field(&HeaderName::from_static(name), &HeaderValue::from_static(value));
                }
            }
            assert_eq!(text(&writer.end()).strip_prefix("POST / HTTP/1.1\r\n").unwrap(), expected);
        }
    }

    #[test]
    fn what_may_be_sent_again_has_no_body_and_does_nothing_twice() {
        for (method, repeatable) in [("GET", true), ("DELETE", true), ("POST", false), ("PATCH", false)] {
            assert_eq!(request(method, "/", &[]).repeatable, repeatable, "{method}");
        }
    }

    #[test]
    fn only_announced_fields_that_mean_no_harm_follow_the_last_chunk() {
        let announced = request("POST", "/", &[("trailer", "x-sum, Host ,x-forwarded-for, content_length,,")]).trailers;
        let mut trailers = http::HeaderMap::new();
        for name in ["x-sum", "x-other", "host", "x-forwarded-for", "content_length"] {
            trailers.append(name, HeaderValue::from_static("1"));
        }
        let mut line = Vec::new();
        last_chunk(&mut line, &announced, &trailers);
        assert_eq!(line, b"0\r\nx-sum: 1\r\n\r\n");
    }
}
