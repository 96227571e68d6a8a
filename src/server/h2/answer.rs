//! [`PendingStream`]: a request that is being answered, and [`PacedBody`]: its answer's body, as the h2 library is
//! given it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::flow::{FlowPiece, StreamFlow};
use super::head_budget::HeadPermit;
use super::send_budget::SendAllowance;
use crate::http::edge::stack::PendingAnswer;
use crate::http::proxy::body::{AnswerBody, AnswerBodyError};
use crate::observe::access::RequestEnd;

/// A request that is being answered, in the form that hyper asks for.
pub(super) struct PendingStream {
    answer: PendingAnswer,
    flow: StreamFlow,
    /// What the request's head takes of the budget for all heads, until there is an answer.
    head: Option<HeadPermit>,
}

/// An answer's body. It brings no more bytes than its connection's budget has room for, and notes when the client is
/// waited for.
pub(super) struct PacedBody {
    body: AnswerBody,
    flow: StreamFlow,
}

impl PendingStream {
    pub(super) fn new(answer: PendingAnswer, flow: StreamFlow, head: Option<HeadPermit>) -> Self {
        Self { answer, flow, head }
    }
}

impl Future for PendingStream {
    type Output = Result<Response<PacedBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.answer.as_mut().poll(cx));
        drop(self.head.take());
        let flow = self.flow.clone();
        flow.begin(answer.body().take_limit());
        Poll::Ready(Ok(answer.map(|body| PacedBody { body, flow })))
    }
}

impl HttpBody for PacedBody {
    type Data = FlowPiece;
    type Error = AnswerBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<FlowPiece>, AnswerBodyError>>> {
        let Self { body, flow } = &mut *self;
        match flow.turn(cx, body.size_hint().upper()) {
            SendAllowance::Full => {}
            SendAllowance::Little => body.read_little_next(),
            SendAllowance::Wait => return Poll::Pending,
        }
        let polled = Pin::new(body).poll_frame(cx);
        flow.asked(polled.is_ready());
        polled.map(|frame| frame.map(|frame| frame.map(|frame| frame.map_data(|data| flow.piece(data)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for PacedBody {
    fn drop(&mut self) {
        if self.flow.is_untaken() {
            self.body.end_as(RequestEnd::TimedOut);
        }
        self.flow.keep(self.body.take_rest());
    }
}
