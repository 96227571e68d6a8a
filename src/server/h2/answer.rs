//! [`Answering`]: a request that is being answered, and [`Paced`]: its answer's body, as the h2 library is given it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::flow::{Flow, Piece};
use super::head_budget::HeadPlace;
use super::send_budget::Turn;
use crate::http::body::{Body, BodyError};
use crate::http::stack::Answer;
use crate::observe::access::Ended;

/// A request that is being answered, in the form that hyper asks for.
pub(super) struct Answering {
    answer: Answer,
    flow: Flow,
    /// What its head takes of what all heads may, until there is an answer.
    head: Option<HeadPlace>,
}

/// An answer's body. It brings no more than its connection's budget has room for, and says what the client was waited for.
pub(super) struct Paced {
    body: Body,
    flow: Flow,
}

impl Answering {
    pub(super) fn new(answer: Answer, flow: Flow, head: Option<HeadPlace>) -> Self {
        Self { answer, flow, head }
    }
}

impl Future for Answering {
    type Output = Result<Response<Paced>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.answer.as_mut().poll(cx));
        drop(self.head.take());
        let flow = self.flow.clone();
        flow.begin(answer.body().take_limit());
        Poll::Ready(Ok(answer.map(|body| Paced { body, flow })))
    }
}

impl HttpBody for Paced {
    type Data = Piece;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Piece>, BodyError>>> {
        let Self { body, flow } = &mut *self;
        match flow.turn(cx) {
            Turn::Full => {}
            Turn::Little => body.read_little_next(),
            Turn::Wait => return Poll::Pending,
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

impl Drop for Paced {
    fn drop(&mut self) {
        if self.flow.is_untaken() {
            self.body.end_as(Ended::TimedOut);
        }
        self.flow.keep(self.body.take_rest());
    }
}
