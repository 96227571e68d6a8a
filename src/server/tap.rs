//! [`Tap`]: sees an HTTP/1 connection's bytes pass, for the two things that hyper does without telling.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::{Method, Uri};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http::activity::Activity;

/// A client's stream under hyper's HTTP/1 parser.
///
/// hyper cuts a `#` and what follows off a request's target, which would then not pass byte for byte: the tap tells. And
/// hyper answers what it cannot parse with an empty page of its own: the tap keeps that back, so that ours can be sent.
#[derive(Debug)]
pub(super) struct Tap<S> {
    stream: S,
    activity: Activity,
    fragment: Fragment,
    refused: Option<u16>,
}

/// A request line with a `#` in it, up to there, if there was one.
#[derive(Debug, Clone, Default)]
pub(super) struct Fragment(Arc<Mutex<Line>>);

#[derive(Debug, Default)]
enum Line {
    /// Nothing of it yet, or the line is over.
    #[default]
    Elsewhere,
    /// In the line, which began with these bytes.
    Inside(Vec<u8>),
    /// The line up to its `#`.
    Cut(Vec<u8>),
}

impl<S> Tap<S> {
    pub(super) fn new(stream: S, activity: Activity, fragment: Fragment) -> Self {
        Self { stream, activity, fragment, refused: None }
    }

    /// The status that hyper wanted to answer with by itself.
    pub(super) fn refused(&self) -> Option<u16> {
        self.refused
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }
}

impl Fragment {
    /// Whether the request that hyper has just read was cut. Compares, since several requests can arrive in one read.
    pub(super) fn belongs_to(&self, method: &Method, uri: &Uri) -> bool {
        let line = std::mem::take(&mut *self.line());
        let Line::Cut(line) = line else { return false };
        let text = format!("{method} {uri}");
        // An absolute target without a path is shown with one.
        line == text.as_bytes() || text.strip_suffix('/').is_some_and(|text| line == text.as_bytes())
    }

    fn on_bytes(&self, begins: bool, bytes: &[u8]) {
        let mut line = self.line();
        let mut seen = match std::mem::take(&mut *line) {
            _ if begins => Vec::new(),
            Line::Inside(seen) => seen,
            other => {
                *line = other;
                return;
            }
        };
        match bytes.iter().position(|byte| matches!(byte, b'\n' | b'#')) {
            // The line goes on: only a long one, or one that comes byte by byte, gets here.
            None if seen.len() + bytes.len() < LONGEST_LINE => {
                seen.extend_from_slice(bytes);
                *line = Line::Inside(seen);
            }
            Some(at) if bytes[at] == b'#' => {
                seen.extend_from_slice(&bytes[..at]);
                *line = Line::Cut(seen);
            }
            _ => {}
        }
    }

    fn line(&self) -> std::sync::MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let bytes = &buf.filled()[before..];
        if !bytes.is_empty() {
            let begins = self.activity.on_bytes();
            self.fragment.on_bytes(begins, bytes);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(status) = hypers_own(buf) {
            self.refused = Some(status);
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match bufs {
            [only] => self.poll_write(cx, only),
            _ => Pin::new(&mut self.stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The status of an answer that hyper made by itself: a bare 4xx head. Every answer of ours has a request id.
fn hypers_own(bytes: &[u8]) -> Option<u16> {
    let status = bytes.strip_prefix(b"HTTP/1.1 4")?.first_chunk::<2>()?;
    if bytes.len() > LONGEST_OWN || !bytes.ends_with(b"\r\n\r\n") || contains(bytes, b"x-request-id") {
        return None;
    }
    std::str::from_utf8(status).ok()?.parse::<u16>().ok().map(|rest| 400 + rest)
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

/// A request line that is longer than hyper's own limit of a target never reaches anybody.
const LONGEST_LINE: usize = 72 * 1024;
/// hyper's own heads have three short fields.
const LONGEST_OWN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_in_the_request_line_is_seen_however_the_line_arrives() {
        let rows: &[(&str, &str, bool)] = &[
            ("GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", "/a", true),
            ("GET /a?q#b HTTP/1.1\r\n", "/a?q", true),
            ("GET /# HTTP/1.1\r\n", "/", true),
            ("GET http://x#b HTTP/1.1\r\n", "http://x/", true),
            ("GET /a HTTP/1.1\r\nX: #\r\n\r\n", "/a", false),
            ("GET /a%23b HTTP/1.1\r\n", "/a%23b", false),
        ];
        for (wire, uri, expected) in rows {
            for chunk in [1, 3, wire.len()] {
                let fragment = Fragment::default();
                for (index, bytes) in wire.as_bytes().chunks(chunk).enumerate() {
                    fragment.on_bytes(index == 0, bytes);
                }
                assert_eq!(fragment.belongs_to(&Method::GET, &uri.parse().unwrap()), *expected, "{wire:?} by {chunk}");
            }
        }
    }

    #[test]
    fn a_hash_that_belongs_to_another_request_is_not_held_against_this_one() {
        let fragment = Fragment::default();
        fragment.on_bytes(true, b"some text of a body that was read with its head # and so on");
        assert!(!fragment.belongs_to(&Method::GET, &"/".parse().unwrap()));
        assert!(!fragment.belongs_to(&Method::GET, &"/".parse().unwrap()), "asked once, forgotten");
    }

    #[test]
    fn only_hypers_own_answers_are_kept_back() {
        let own = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(hypers_own(own), Some(431));
        let passed = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nx-request-id: abc\r\n\r\n";
        assert_eq!(hypers_own(passed), None);
        assert_eq!(hypers_own(b"HTTP/1.1 200 OK\r\n\r\n"), None);
        assert_eq!(hypers_own(b""), None);
    }
}
