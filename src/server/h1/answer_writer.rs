//! [`AnswerWriter`]: writes an answer to the client, as fast as the client takes it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http_body::{Body as _, Frame};
use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::answer_head::{AnswerFraming, AnswerHead};
use crate::http::edge::permits::TakeLimit;
use crate::http::proxy::body::AnswerBody;
use crate::io::Turn;
use crate::observe::access::RequestEnd;
use crate::tls::ByteStream;
use crate::upstream::{TransferProgress, chunk_line, last_chunk};

/// Writes an answer to the client. At most one piece of its body is held, and the next one is asked for when the client
/// has taken that: a client that does not read costs no more, here or at the gateway.
#[derive(Debug)]
pub(super) struct AnswerWriter {
    body: AnswerBody,
    ends: AnswerFraming,
    stage: AnswerStage,
    head: Vec<u8>,
    /// How many bytes of the head are written.
    head_at: usize,
    /// The line in front of a piece of the body, and how many bytes of it are written.
    line: Vec<u8>,
    line_at: usize,
    data: Bytes,
    /// What is written behind `data`: the end of a chunk, or the last chunk.
    tail: &'static [u8],
    /// Bytes that the stream has accepted.
    accepted: u64,
    /// Set while the client takes nothing: since when, and how many bytes it had taken then.
    blocked: Option<(TransferProgress, u64)>,
    limit: TakeLimit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AnswerStage {
    /// The body may bring more.
    Body,
    /// The piece at hand is the last.
    Last,
}

/// Why an answer breaks off.
#[derive(Debug, thiserror::Error)]
pub(super) enum AnswerCut {
    /// The client has gone.
    #[error("the client has gone: {0}")]
    Gone(#[from] io::Error),
    /// The body did not come to the end that the head announces.
    #[error("the answer broke off")]
    Broken,
}

impl AnswerWriter {
    /// Sends `head` and then `body`, of which the client must take something within `limit`.
    pub(super) fn new(head: AnswerHead, body: AnswerBody, limit: TakeLimit) -> Self {
        let stage = match head.ends {
            AnswerFraming::AtOnce | AnswerFraming::After(0) => AnswerStage::Last,
            _ => AnswerStage::Body,
        };
        Self {
            body,
            ends: head.ends,
            stage,
            head: head.bytes,
            head_at: 0,
            line: Vec::new(),
            line_at: 0,
            data: Bytes::new(),
            tail: b"",
            accepted: 0,
            blocked: None,
            limit,
        }
    }

    /// Until when the client must take something, if it is the client that is waited for.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.blocked.as_ref().and_then(|(progress, _)| progress.within(self.limit.current()).deadline())
    }

    /// Whether it is the client that is waited for.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// Ends the answer, because the client has taken nothing for too long.
    pub(super) fn time_out(&mut self) {
        self.body.end_as(RequestEnd::TimedOut);
    }

    /// Sends all bytes that can be sent; ready when the client's kernel has the whole answer.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, stream: &mut ByteStream) -> Poll<Result<(), AnswerCut>> {
        let polled = self.poll_send(cx, stream);
        match &polled {
            Poll::Ready(Ok(())) if self.ends == AnswerFraming::AtOnce => self.body.end_as(RequestEnd::Done),
            Poll::Pending | Poll::Ready(Ok(()) | Err(AnswerCut::Broken)) => {}
            // The body may have come to its end before the client took it.
            Poll::Ready(Err(AnswerCut::Gone(_))) => self.body.end_as(RequestEnd::ClientGone),
        }
        polled
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, stream: &mut ByteStream) -> Poll<Result<(), AnswerCut>> {
        let mut turn = Turn::default();
        loop {
            // The head goes with the first piece of the body, if that is there.
            let wants_more =
                self.stage == AnswerStage::Body && self.line.is_empty() && self.data.is_empty() && self.tail.is_empty();
            let mut waits = false;
            if wants_more {
                ready!(turn.poll_go_on(cx));
                if stream.unsent() > A_FEW {
                    ready!(self.poll_flush(cx, stream))?;
                }
                match Pin::new(&mut self.body).poll_frame(cx) {
                    Poll::Pending => waits = true,
                    Poll::Ready(frame) => {
                        self.queue(frame.transpose().map_err(|_| AnswerCut::Broken)?)?;
                        turn.moved(self.data.len());
                    }
                }
            }
            ready!(self.poll_write(cx, stream))?;
            if waits || self.stage == AnswerStage::Last {
                ready!(self.poll_flush(cx, stream))?;
            }
            if waits {
                return Poll::Pending;
            }
            if self.stage == AnswerStage::Last {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Takes up the next piece of the body, or its end.
    fn queue(&mut self, frame: Option<Frame<Bytes>>) -> Result<(), AnswerCut> {
        match (&mut self.ends, frame.map(Frame::into_data)) {
            (AnswerFraming::AtOnce, _) | (AnswerFraming::After(0) | AnswerFraming::WithConnection, None) => {
                self.stage = AnswerStage::Last;
            }
            (AnswerFraming::After(left), Some(Ok(data))) => {
                *left = left.checked_sub(data.len() as u64).ok_or(AnswerCut::Broken)?;
                if *left == 0 {
                    self.stage = AnswerStage::Last;
                }
                self.data = data;
            }
            (AnswerFraming::After(_), None) => return Err(AnswerCut::Broken),
            (AnswerFraming::WithLastChunk(_), Some(Ok(data))) => {
                // An empty chunk would be the last one.
                if !data.is_empty() {
                    chunk_line(&mut self.line, &data);
                    self.data = data;
                    self.tail = b"\r\n";
                }
                if self.body.is_end_stream() {
                    self.tail = if self.data.is_empty() { b"0\r\n\r\n" } else { b"\r\n0\r\n\r\n" };
                    self.stage = AnswerStage::Last;
                }
            }
            (AnswerFraming::WithLastChunk(_), None) => {
                self.tail = b"0\r\n\r\n";
                self.stage = AnswerStage::Last;
            }
            (AnswerFraming::WithLastChunk(names), Some(Err(frame))) => {
                if let Ok(trailers) = frame.into_trailers() {
                    last_chunk(&mut self.line, names, &trailers);
                    self.stage = AnswerStage::Last;
                }
            }
            (AnswerFraming::WithConnection, Some(Ok(data))) => {
                self.data = data;
                if self.body.is_end_stream() {
                    self.stage = AnswerStage::Last;
                }
            }
            // Only chunks have trailers.
            (AnswerFraming::After(_) | AnswerFraming::WithConnection, Some(Err(_))) => {}
        }
        Ok(())
    }

    /// Writes all bytes at hand, in as few writes as the stream takes.
    fn poll_write(&mut self, cx: &mut Context<'_>, stream: &mut ByteStream) -> Poll<io::Result<()>> {
        loop {
            let head = &self.head[self.head_at..];
            let line = &self.line[self.line_at..];
            let more = line.len() + self.data.len() + self.tail.len();
            if head.is_empty() && more == 0 {
                return Poll::Ready(Ok(()));
            }
            let mut io = Pin::new(&mut *stream);
            let written = if more == 0 {
                io.as_mut().poll_write(cx, head)
            } else {
                io.as_mut().poll_write_vectored(cx, &[head, line, &self.data, self.tail].map(IoSlice::new))
            };
            match written {
                Poll::Pending => {
                    self.block(stream);
                    return Poll::Pending;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(length)) => self.written(length),
            }
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>, stream: &mut ByteStream) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut *stream).poll_flush(cx);
        if flushed.is_pending() {
            self.block(stream);
        } else {
            self.blocked = None;
        }
        flushed
    }

    /// Notes that the client takes nothing more for the moment.
    fn block(&mut self, stream: &ByteStream) {
        let taken = self.accepted.saturating_sub(stream.unsent() as u64);
        match &mut self.blocked {
            Some((_, before)) if *before == taken => {}
            Some((progress, before)) => {
                progress.moved(Instant::now());
                *before = taken;
            }
            None => {
                self.blocked = Some((TransferProgress::new(None, Instant::now()), taken));
                // The client may take long: what waits for it should be little.
                self.body.read_little();
                if self.data.len() < A_FEW {
                    self.data = Bytes::copy_from_slice(&self.data);
                }
            }
        }
    }

    fn written(&mut self, mut length: usize) {
        self.accepted += length as u64;
        let mut part = |left: usize| {
            let taken = left.min(length);
            length -= taken;
            taken
        };
        self.head_at += part(self.head.len() - self.head_at);
        self.line_at += part(self.line.len() - self.line_at);
        if self.line_at == self.line.len() {
            self.line.clear();
            self.line_at = 0;
        }
        self.data.advance(part(self.data.len()));
        self.tail = &self.tail[part(self.tail.len())..];
        if self.data.is_empty() {
            // An empty view would keep the memory of the piece that it is a view of.
            self.data = Bytes::new();
        }
    }
}

/// So many bytes may wait in a TLS session for the bytes that follow them.
const A_FEW: usize = 1024;
