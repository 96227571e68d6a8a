//! [`OperatorAnswer`]: what an operator gets.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::Stream;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame};

/// An answer of the admin listener: whole, or in pieces as things happen.
pub(super) type OperatorAnswer = Response<Either<Full<Bytes>, AnswerStream>>;

/// Pieces of an answer, until their reader goes or they end.
pub(super) struct AnswerStream(Pin<Box<dyn Stream<Item = Bytes> + Send>>);

impl AnswerStream {
    /// The pieces that the stream yields.
    pub(super) fn new(pieces: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self(Box::pin(pieces))
    }
}

impl Body for AnswerStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.as_mut().poll_next(cx).map(|event| event.map(|event| Ok(Frame::data(event))))
    }
}

/// An answer that goes on.
pub(super) fn stream(content_type: &'static str, pieces: impl Stream<Item = Bytes> + Send + 'static) -> OperatorAnswer {
    let mut answer = Response::new(Either::Right(AnswerStream::new(pieces)));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// An answer in words.
pub(super) fn text(status: StatusCode, text: impl Into<Bytes>) -> OperatorAnswer {
    whole(status, "text/plain; charset=utf-8", text.into())
}

/// An answer of this type.
pub(super) fn whole(status: StatusCode, content_type: &'static str, body: Bytes) -> OperatorAnswer {
    let mut answer = Response::new(Either::Left(Full::new(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
