//! [`AnswerSender`]: sends an answer's body over its stream, as far as the client's windows and the connection's budget
//! allow.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use h2::{Reason, SendStream};
use http_body::Body as _;

use super::flow::{FlowPiece, StreamFlow};
use super::send_budget::SendAllowance;
use crate::http::proxy::body::{AnswerBody, AnswerBodyError};
use crate::observe::access::RequestEnd;

/// Sends an answer's body. It asks for no more bytes than its connection's budget has room for, and notes when the client is
/// waited for.
pub(super) struct AnswerSender {
    body: AnswerBody,
    flow: StreamFlow,
    stream: SendStream<FlowPiece>,
    /// A piece that waits for the client's window, and whether it is the last.
    next: Option<(FlowPiece, bool)>,
}

/// Why an answer was not sent to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum AnswerFailure {
    /// The client gave it up.
    #[error("reset by the client: {0}")]
    Reset(Reason),
    /// The connection broke.
    #[error(transparent)]
    Stream(#[from] h2::Error),
    /// The stream has ended.
    #[error("the stream has ended")]
    Ended,
    /// The gateway's answer broke off.
    #[error(transparent)]
    Body(#[from] AnswerBodyError),
}

impl AnswerSender {
    /// A sender of `body`, whose head was sent over `stream`.
    pub(super) fn new(body: AnswerBody, flow: StreamFlow, stream: SendStream<FlowPiece>) -> Self {
        Self { body, flow, stream, next: None }
    }

    /// Ready when the answer is out, or cannot be sent to its end.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), AnswerFailure>> {
        loop {
            if let Poll::Ready(reason) = self.stream.poll_reset(cx)? {
                return Poll::Ready(Err(AnswerFailure::Reset(reason)));
            }
            if self.next.is_some() {
                ready!(self.poll_capacity(cx))?;
            }
            if let Some((piece, is_last)) = self.next.take() {
                self.stream.send_data(piece, is_last)?;
                if is_last {
                    return Poll::Ready(Ok(()));
                }
                continue;
            }
            match self.flow.turn(cx, self.body.size_hint().upper()) {
                SendAllowance::Full => {}
                SendAllowance::Little => self.body.read_little_next(),
                SendAllowance::Wait => return Poll::Pending,
            }
            // Before any of the client's window is asked for: what is asked for and not used is kept from other streams.
            let frame = Pin::new(&mut self.body).poll_frame(cx);
            self.flow.asked(frame.is_ready());
            let Some(frame) = ready!(frame) else {
                self.stream.send_data(self.flow.piece(bytes::Bytes::new()), true)?;
                return Poll::Ready(Ok(()));
            };
            let frame = frame.inspect_err(|_| self.stream.send_reset(Reason::INTERNAL_ERROR))?;
            match frame.into_data() {
                Ok(data) => {
                    if !data.is_empty() {
                        self.stream.reserve_capacity(1);
                    }
                    self.next = Some((self.flow.piece(data), self.body.is_end_stream()));
                }
                Err(frame) => {
                    let Ok(trailers) = frame.into_trailers() else { continue };
                    self.stream.reserve_capacity(0);
                    self.stream.send_trailers(trailers)?;
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }

    /// Waits for some of the client's window, if the next piece needs any.
    fn poll_capacity(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), AnswerFailure>> {
        let is_empty = self.next.as_ref().is_none_or(|(piece, _)| piece.is_empty());
        while !is_empty && self.stream.capacity() == 0 {
            match ready!(self.stream.poll_capacity(cx)) {
                Some(capacity) => drop(capacity?),
                None => return Poll::Ready(Err(AnswerFailure::Ended)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for AnswerSender {
    fn drop(&mut self) {
        if self.flow.is_untaken() {
            self.body.end_as(RequestEnd::TimedOut);
        }
        self.flow.keep(self.body.take_rest());
    }
}
