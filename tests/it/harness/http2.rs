//! [`Http2`]: a client that a library makes; [`Raw2`]: one that sends what no library would.

use std::collections::HashMap;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use super::wire::Wire;
use super::within;

/// An HTTP/2 connection.
pub(crate) struct Http2 {
    send: SendRequest<Body>,
    tasks: JoinSet<()>,
}

/// A request's body.
pub(crate) type Body = BoxBody<Bytes, std::io::Error>;

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Http2 {
    pub(crate) async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let handshake = handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (send, connection) = within("the HTTP/2 handshake", handshake).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // How it ends shows in the answers.
            let _ = connection.await;
        });
        Self { send, tasks }
    }

    /// Sends a request; its answer's head.
    pub(crate) async fn send(&mut self, request: Request<Body>) -> hyper::Result<Response<Incoming>> {
        within("an answer", self.send.send_request(request)).await
    }

    /// Sends a request, and does not wait for its answer.
    pub(crate) fn begin(
        &mut self,
        request: Request<Body>,
    ) -> impl Future<Output = hyper::Result<Response<Incoming>>> + Send + use<> {
        self.send.send_request(request)
    }

    /// Sends a request; its answer, whole.
    pub(crate) async fn ask(&mut self, request: Request<Body>) -> Answer {
        let (head, body) = self.send(request).await.unwrap().into_parts();
        let body = within("the rest of an answer", body.collect()).await.unwrap();
        let trailers = body.trailers().cloned();
        Answer { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes(), trailers }
    }

    /// A GET for `https://HOST/TARGET`.
    pub(crate) async fn get(&mut self, uri: &str) -> Answer {
        self.ask(Request::get(uri).body(empty()).unwrap()).await
    }

    /// Waits for the other side to end the connection.
    pub(crate) async fn closed(&mut self) {
        within("the end of an HTTP/2 connection", self.tasks.join_next()).await;
    }
}

pub(crate) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

/// An HTTP/2 connection whose frames are written by hand (RFC 9113 §4), fields without compression (RFC 7541 §6.2.2).
pub(crate) struct Raw2 {
    wire: Wire,
    next: u32,
    payload: Vec<u8>,
}

/// A frame that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame2 {
    Head { stream: u32, status: u16, ends: bool },
    Data { stream: u32, length: u32, ends: bool },
    Reset { stream: u32, code: u32 },
    GoAway { code: u32 },
    Window { stream: u32, more: u32 },
    Pong,
}

/// What came of a request on a [`Raw2`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its status.
    Status(u16),
    /// The stream was reset.
    Reset,
    /// The connection was ended.
    GoAway,
}

impl Raw2 {
    pub(super) async fn over(mut wire: Wire, window: Option<u32>) -> Self {
        wire.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        // No table: each status is written out.
        let mut settings = HEADER_TABLE_SIZE.to_be_bytes().to_vec();
        settings.extend([0; 4]);
        if let Some(window) = window {
            settings.extend(INITIAL_WINDOW_SIZE.to_be_bytes());
            settings.extend(window.to_be_bytes());
        }
        wire.send(frame(SETTINGS, 0, 0, &settings)).await;
        Self { wire, next: 1, payload: Vec::new() }
    }

    /// Begins a request that has exactly these fields, and ends it or not; its stream.
    pub(crate) async fn begin(&mut self, fields: &[(&[u8], &[u8])], ends: bool) -> u32 {
        let stream = self.next;
        self.next += 2;
        let block = block(fields);
        let mut chunks = block.chunks(MAX_FRAME).peekable();
        let mut kind = HEADERS;
        while let Some(chunk) = chunks.next() {
            let end = if chunks.peek().is_none() { END_HEADERS } else { 0 };
            let flags = if kind == HEADERS && ends { END_STREAM | end } else { end };
            self.wire.send(frame(kind, flags, stream, chunk)).await;
            kind = CONTINUATION;
        }
        stream
    }

    /// Sends a piece of a request's body.
    pub(crate) async fn data(&mut self, stream: u32, bytes: &[u8], ends: bool) {
        self.wire.send(frame(DATA, if ends { END_STREAM } else { 0 }, stream, bytes)).await;
    }

    /// Gives a request up.
    pub(crate) async fn reset(&mut self, stream: u32) {
        self.wire.send(frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())).await;
    }

    /// Sends a `WINDOW_UPDATE`: so many more bytes may come, on a stream or (0) on all of them.
    pub(crate) async fn widen(&mut self, stream: u32, bytes: u32) {
        self.wire.send(frame(WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes())).await;
    }

    /// Sends a PING, which must be answered at once, so that the answer shows what came before.
    pub(crate) async fn ping(&mut self) {
        self.wire.send(frame(PING, 0, 0, b"are you?")).await;
    }

    /// Answers a ping that never was.
    pub(crate) async fn unasked_pong(&mut self) {
        self.wire.send(frame(PING, ACK, 0, b"you are!")).await;
    }

    /// Sends fields behind a request's body, or what should have been one.
    pub(crate) async fn trailers(&mut self, stream: u32, fields: &[(&[u8], &[u8])]) {
        let block = block(fields);
        self.wire.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, &block)).await;
    }

    /// What the last frame carried.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The next frame; SETTINGS and pings are answered, and not returned.
    pub(crate) async fn frame(&mut self) -> Frame2 {
        loop {
            let head = self.wire.exactly(9).await;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
            let payload = self.wire.exactly(length.try_into().unwrap()).await;
            let ends = matches!(head[3], HEADERS | DATA) && head[4] & END_STREAM != 0;
            self.payload.clone_from(&payload);
            match (head[3], head[4] & ACK != 0) {
                (SETTINGS, false) => self.wire.send(frame(SETTINGS, ACK, 0, &[])).await,
                (PING, false) => self.wire.send(frame(PING, ACK, 0, &payload)).await,
                (SETTINGS, true) => {}
                (PING, true) => return Frame2::Pong,
                (HEADERS, _) => return Frame2::Head { stream, status: status_of(&payload), ends },
                (DATA, _) => return Frame2::Data { stream, length, ends },
                (RST_STREAM, _) => return Frame2::Reset { stream, code: word(&payload) },
                (GOAWAY, _) => return Frame2::GoAway { code: word(&payload[4..]) },
                (WINDOW_UPDATE, _) => return Frame2::Window { stream, more: word(&payload) },
                (kind, _) => panic!("a frame of kind {kind}"),
            }
        }
    }

    /// Sends a request without a body that has exactly these fields; what came of it.
    pub(crate) async fn ask(&mut self, fields: &[(&[u8], &[u8])]) -> Outcome {
        let stream = self.next;
        self.next += 2;
        let block = block(fields);
        let mut chunks = block.chunks(MAX_FRAME).peekable();
        let mut kind = HEADERS;
        while let Some(chunk) = chunks.next() {
            let end = if chunks.peek().is_none() { END_HEADERS } else { 0 };
            let flags = if kind == HEADERS { END_STREAM | end } else { end };
            if self.wire.try_send(frame(kind, flags, stream, chunk)).await.is_err() {
                return Outcome::GoAway;
            }
            kind = CONTINUATION;
        }
        self.outcome(stream).await
    }

    async fn outcome(&mut self, wanted: u32) -> Outcome {
        let mut status = None;
        loop {
            let head = self.wire.exactly(9).await;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
            let payload = self.wire.exactly(length.try_into().unwrap()).await;
            let (kind, flags) = (head[3], head[4]);
            match kind {
                SETTINGS if flags & ACK == 0 => self.wire.send(frame(SETTINGS, ACK, 0, &[])).await,
                PING if flags & ACK == 0 => self.wire.send(frame(PING, ACK, 0, &payload)).await,
                GOAWAY => return Outcome::GoAway,
                RST_STREAM if stream == wanted => return Outcome::Reset,
                HEADERS if stream == wanted && status.is_none() => status = Some(status_of(&payload)),
                DATA if length > 0 => {
                    // What was taken may be sent again.
                    self.wire.send(frame(WINDOW_UPDATE, 0, 0, &length.to_be_bytes())).await;
                }
                _ => {}
            }
            let ends = matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0 && stream == wanted;
            if let (Some(status), true) = (status, ends) {
                return Outcome::Status(status);
            }
        }
    }
}

/// A field block without compression (RFC 7541 §6.2.2).
fn block(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        literal(name, &mut block);
        literal(value, &mut block);
    }
    block
}

/// The status at the start of a field block: from the static table, or a literal of a static name.
fn status_of(block: &[u8]) -> u16 {
    // A change of the table's size comes first (RFC 7541 §6.3).
    let block = if block[0] & 0xe0 == 0x20 { &block[1..] } else { block };
    let known =
        HashMap::from([(0x88, 200), (0x89, 204), (0x8a, 206), (0x8b, 304), (0x8c, 400), (0x8d, 404), (0x8e, 500)]);
    if let Some(status) = known.get(&block[0]) {
        return *status;
    }
    let coded = &block[2..2 + usize::from(block[1] & 0x7f)];
    if block[1] & 0x80 == 0 {
        return std::str::from_utf8(coded).unwrap().parse().unwrap();
    }
    // Huffman: 0, 1, 2 have five bits, 3 to 9 six (RFC 7541, appendix B).
    let bits = coded.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (32 - 8 * coded.len());
    let (mut at, mut status) = (0, 0);
    for _ in 0..3 {
        let next = bits << at;
        let (digit, length) = if next >> 27 < 3 { (next >> 27, 5) } else { ((next >> 26) - 0x19 + 3, 6) };
        at += length;
        status = status * 10 + digit;
    }
    u16::try_from(status).unwrap()
}

fn word(payload: &[u8]) -> u32 {
    u32::from_be_bytes(payload[..4].try_into().unwrap())
}

/// A string as it is (RFC 7541 §5.2), its length as a prefixed integer (§5.1).
fn literal(text: &[u8], out: &mut Vec<u8>) {
    out.push(u8::try_from(text.len().min(127)).unwrap());
    if let Some(mut rest) = text.len().checked_sub(127) {
        while rest >= 128 {
            out.push(u8::try_from(rest % 128).unwrap() | 0x80);
            rest /= 128;
        }
        out.push(u8::try_from(rest).unwrap());
    }
    out.extend_from_slice(text);
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend_from_slice(payload);
    out
}

const HEADER_TABLE_SIZE: u16 = 1;
const INITIAL_WINDOW_SIZE: u16 = 4;
const CANCEL: u32 = 8;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const MAX_FRAME: usize = 16 * 1024;
