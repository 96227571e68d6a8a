//! [`RequestBody`]: what is sent on to the gateway, as it arrives, counted and limited.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::observe::access::Counter;

/// A request's body on its way from the client to the gateway: never held, only passed.
#[derive(Debug, Default)]
pub enum RequestBody {
    /// No body.
    #[default]
    Empty,
    /// The client's, as it arrives.
    Incoming {
        /// What hyper reads.
        body: Incoming,
        /// How many bytes may still come; `None` is unlimited.
        left: Option<u64>,
        /// Bytes passed so far, for the log.
        passed: Counter,
    },
}

/// The client sent more than `limits.request_body` allows.
#[derive(Debug, thiserror::Error)]
#[error("the request's body is larger than limits.request_body allows")]
pub struct TooLarge;

impl RequestBody {
    /// The client's body, of which at most `limit` bytes pass. If there is one, `counted` gets what counts its bytes.
    pub fn new(body: Incoming, limit: Option<u64>, counted: &mut Option<Counter>) -> Self {
        if body.is_end_stream() {
            return Self::Empty;
        }
        Self::Incoming { body, left: limit, passed: counted.insert(Counter::default()).clone() }
    }

    /// Whether it says itself that it is larger than it may be.
    pub fn is_too_large(&self) -> bool {
        match self {
            Self::Empty => false,
            Self::Incoming { body, left, .. } => left.is_some_and(|left| body.size_hint().lower() > left),
        }
    }

    /// Whether there is nothing to send, so that the request can be sent again.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Self::Incoming { body, left, passed } = self.get_mut() else { return Poll::Ready(None) };
        let frame = match std::task::ready!(Pin::new(body).poll_frame(cx)) {
            None => return Poll::Ready(None),
            Some(frame) => frame?,
        };
        if let Some(data) = frame.data_ref() {
            if let Some(left) = left {
                *left = left.checked_sub(data.len() as u64).ok_or(TooLarge)?;
            }
            passed.add(data.len());
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Incoming { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Incoming { body, .. } => body.size_hint(),
        }
    }
}
