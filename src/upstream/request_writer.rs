//! [`RequestWriter`]: writes a request to the gateway, as fast as the gateway takes it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use http_body::{Body as _, Frame};
use tokio::io::AsyncWrite;

use super::encoded_request::{EncodedFraming, EncodedRequest, chunk_line, last_chunk};
use super::h1_error::H1Error;
use super::silence::AwaitedStep;
use crate::io::TEXT;

/// Writes a request to the gateway. At most one piece of its body is held.
#[derive(Debug, Default)]
pub(super) struct RequestWriter {
    request: Option<Box<EncodedRequest>>,
    stage: WriteStage,
    /// How many bytes of the head are written.
    head: usize,
    /// The line in front of a piece of the body, and how many bytes of it are written.
    line: Vec<u8>,
    line_at: usize,
    data: Bytes,
    /// The piece has memory of its own size, or is too large to be copied.
    is_settled: bool,
    /// What is written behind `data`: the end of a chunk, or the last chunk.
    tail: &'static [u8],
    /// Bytes that were written.
    written: u64,
    flushed: bool,
}

#[derive(Debug, Default)]
enum WriteStage {
    /// The body may bring more.
    Body,
    /// The piece at hand is the last.
    Last,
    /// The whole request is sent.
    #[default]
    Done,
    /// The gateway takes no more of the request.
    Failed(io::Error),
}

impl RequestWriter {
    pub(super) fn new(request: Box<EncodedRequest>) -> Self {
        let stage = if request.framing == EncodedFraming::None { WriteStage::Last } else { WriteStage::Body };
        Self { request: Some(request), stage, ..Self::default() }
    }

    /// Whether the whole request is sent.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.stage, WriteStage::Done)
    }

    /// Whether the answer has no body.
    pub(super) fn to_head(&self) -> bool {
        self.request.as_ref().is_some_and(|request| request.to_head)
    }

    /// Whether the gateway saw nothing of the request, or the request may be sent twice.
    pub(super) fn may_be_repeated(&self) -> bool {
        // No byte of a body, either, may be gone.
        let untouched = self.written == 0 && self.line.is_empty() && self.data.is_empty();
        self.request.as_ref().is_some_and(|request| untouched || request.repeatable)
    }

    /// The request, with the rest of its body.
    pub(super) fn into_request(self) -> Option<Box<EncodedRequest>> {
        self.request
    }

    /// The step that the exchange waits for.
    pub(super) fn awaited(&self) -> AwaitedStep {
        let at_hand = self.line.len() + self.data.len() + self.tail.len() > 0;
        let head = self.request.as_ref().is_some_and(|request| self.head < request.head.len());
        match self.stage {
            WriteStage::Done | WriteStage::Failed(_) => AwaitedStep::Answer,
            WriteStage::Body if !at_hand && !head && self.flushed => AwaitedStep::Client,
            WriteStage::Body | WriteStage::Last => AwaitedStep::Taking(self.written),
        }
    }

    /// The error for which the gateway takes no more of the request.
    pub(super) fn failure(&mut self) -> Option<io::Error> {
        match std::mem::take(&mut self.stage) {
            WriteStage::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Sends all bytes that can be sent. That the gateway takes no more is no error yet: it may have answered before.
    ///
    /// # Errors
    /// If the request's body fails.
    pub(super) fn poll<W: AsyncWrite + Unpin>(&mut self, cx: &mut Context<'_>, io: &mut W) -> Result<(), H1Error> {
        loop {
            let waits = match (&self.stage, &mut self.request) {
                (WriteStage::Body, Some(request))
                    if self.line.is_empty() && self.data.is_empty() && self.tail.is_empty() =>
                {
                    match Pin::new(&mut request.body).poll_frame(cx) {
                        Poll::Pending => true,
                        Poll::Ready(frame) => {
                            self.queue(frame.transpose().map_err(H1Error::Body)?)?;
                            false
                        }
                    }
                }
                (WriteStage::Body | WriteStage::Last, _) => false,
                (WriteStage::Done | WriteStage::Failed(_), _) => return Ok(()),
            };
            let written = match self.poll_write(cx, io) {
                Poll::Pending => {
                    self.settle();
                    return Ok(());
                }
                Poll::Ready(written) => written,
            };
            match written {
                Ok(()) if matches!(self.stage, WriteStage::Last) => {
                    self.stage = WriteStage::Done;
                    return Ok(());
                }
                Ok(()) if waits => return Ok(()),
                Ok(()) => {}
                Err(error) => self.stage = WriteStage::Failed(error),
            }
        }
    }

    /// Takes up the next piece of the body, or its end.
    fn queue(&mut self, frame: Option<Frame<Bytes>>) -> Result<(), H1Error> {
        let request = self.request.as_mut().expect("its body was asked");
        match (&mut request.framing, frame.map(Frame::into_data)) {
            (EncodedFraming::Length(0), None) => self.stage = WriteStage::Last,
            (EncodedFraming::Length(_), None) | (EncodedFraming::None, _) => {
                return Err(H1Error::Body(Misframed.into()));
            }
            (EncodedFraming::Length(left), Some(Ok(data))) => {
                *left = left.checked_sub(data.len() as u64).ok_or_else(|| H1Error::Body(Misframed.into()))?;
                // The sender of the body may say a little later that this was all.
                if *left == 0 {
                    self.stage = WriteStage::Last;
                }
                self.data = data;
            }
            (EncodedFraming::Chunked, Some(Ok(data))) => {
                // An empty chunk would be the last one.
                if !data.is_empty() {
                    chunk_line(&mut self.line, &data);
                    self.data = data;
                    self.tail = b"\r\n";
                }
                if request.body.is_end_stream() {
                    self.tail = if self.data.is_empty() { b"0\r\n\r\n" } else { b"\r\n0\r\n\r\n" };
                    self.stage = WriteStage::Last;
                }
            }
            (EncodedFraming::Chunked, None) => {
                self.tail = b"0\r\n\r\n";
                self.stage = WriteStage::Last;
            }
            (EncodedFraming::Chunked, Some(Err(frame))) => {
                if let Ok(trailers) = frame.into_trailers() {
                    last_chunk(&mut self.line, &request.trailers, &trailers);
                    self.stage = WriteStage::Last;
                }
            }
            // Only chunks have trailers.
            (EncodedFraming::Length(_), Some(Err(_))) => {}
        }
        (self.flushed, self.is_settled) = (false, false);
        Ok(())
    }

    /// Writes all bytes at hand, in as few writes as the socket takes.
    fn poll_write<W: AsyncWrite + Unpin>(&mut self, cx: &mut Context<'_>, io: &mut W) -> Poll<io::Result<()>> {
        loop {
            let head = self.request.as_ref().map_or(&[][..], |request| &request.head[self.head..]);
            let line = &self.line[self.line_at..];
            let more = line.len() + self.data.len() + self.tail.len();
            if head.is_empty() && more == 0 {
                break;
            }
            let mut io = Pin::new(&mut *io);
            let written = if more == 0 {
                io.as_mut().poll_write(cx, head)
            } else {
                let pieces = [head, line, &self.data, self.tail].map(IoSlice::new);
                io.as_mut().poll_write_vectored(cx, &pieces)
            };
            match std::task::ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                length => self.written(length),
            }
        }
        if !self.flushed {
            std::task::ready!(Pin::new(io).poll_flush(cx))?;
            self.flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    /// The gateway takes no more for the moment. That may take long: a few bytes should not keep all that they were read with.
    fn settle(&mut self) {
        if !std::mem::replace(&mut self.is_settled, true) && self.data.len() <= TEXT / 2 {
            self.data = Bytes::copy_from_slice(&self.data);
        }
    }

    fn written(&mut self, mut length: usize) {
        self.written += length as u64;
        let mut part = |left: usize| {
            let taken = left.min(length);
            length -= taken;
            taken
        };
        self.head += part(self.request.as_ref().map_or(0, |request| request.head.len() - self.head));
        self.line_at += part(self.line.len() - self.line_at);
        if self.line_at == self.line.len() {
            self.line.clear();
            self.line_at = 0;
        }
        self.data.advance(part(self.data.len()));
        if self.data.is_empty() {
            // It would keep what it is a view of.
            self.data = Bytes::new();
        }
        self.tail = &self.tail[part(self.tail.len())..];
    }
}

/// The client's body is not as long as its head says.
#[derive(Debug, thiserror::Error)]
#[error("the request's body is not as long as it was said to be")]
struct Misframed;
