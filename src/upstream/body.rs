//! [`RequestBody`]: what is sent on to the gateway, as it arrives, counted and limited.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::timeout;

use super::body_channel::{BodyReceiver, ChannelError};
use super::http2_body::Http2Body;
use super::progress::StallTimer;
use crate::observe::access::ByteCounter;

/// A request's body on its way from the client to the gateway: never held, only passed.
#[derive(Debug, Default)]
pub enum RequestBody {
    /// No body.
    #[default]
    Empty,
    /// The client's, as it arrives.
    Incoming {
        /// Where the body comes from.
        body: BodySource,
        /// How many bytes may still come; `None` is unlimited.
        left: Option<u64>,
        /// Bytes passed so far, for the log.
        passed: ByteCounter,
        /// Ends it when nothing comes for too long.
        stall: Box<StallTimer>,
    },
}

/// What the connection reads of a request's body.
#[derive(Debug)]
pub enum BodySource {
    /// There is none.
    Empty,
    /// Over HTTP/2.
    Http2(Http2Body),
    /// Over HTTP/1.1.
    Http1(BodyReceiver),
}

/// The client sent nothing of the request's body for `timeouts.progress`.
#[derive(Debug, thiserror::Error)]
#[error("the request's body did not go on in time")]
pub(crate) struct BodyStalled;

/// The client sent more than `limits.request_body` allows.
#[derive(Debug, thiserror::Error)]
#[error("the request's body is larger than limits.request_body allows")]
pub(crate) struct TooLarge;

impl RequestBody {
    /// The client's body, of which at most `limit` bytes pass. If there is a body, `counted` is set to the counter of
    /// its bytes.
    pub(crate) fn new(body: BodySource, limit: Option<u64>, counted: &mut Option<ByteCounter>) -> Self {
        if body.is_end_stream() {
            return Self::Empty;
        }
        let stall = Box::new(StallTimer::new(None));
        Self::Incoming { body, left: limit, passed: counted.insert(ByteCounter::default()).clone(), stall }
    }

    /// Sets the limit for pauses: the client must send something of the body within `limit`; `None` is for ever.
    pub(crate) fn must_move_within(&mut self, limit: Option<Duration>) {
        if let Self::Incoming { stall, .. } = self {
            stall.set_limit(limit);
        }
    }

    /// Whether the request announces a body that is larger than it may be.
    pub(crate) fn is_too_large(&self) -> bool {
        match self {
            Self::Empty => false,
            Self::Incoming { body, left, .. } => left.is_some_and(|left| body.size_hint().lower() > left),
        }
    }

    /// Whether the body has nothing to send, so that the request can be sent again.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// Whether the body must be kept, and read on, to the end of an answer that did not wait for it. Over HTTP/1.1 the
    /// connection does that by itself.
    pub(crate) fn outlives_its_answer(&self) -> bool {
        matches!(self, Self::Incoming { body: BodySource::Http2(_), .. })
    }

    /// Lifts the limits of the body, because what comes from here on is thrown away.
    pub(crate) fn discard(&mut self) {
        if let Self::Incoming { left, stall, .. } = self {
            *left = None;
            stall.set_limit(None);
        }
    }

    /// Throws away what comes of the body within `time`, if it may be as small as `most` bytes; a body that ends is
    /// empty from here on.
    pub(crate) async fn take_small(&mut self, most: usize, time: Duration) {
        self.discard();
        if self.size_hint().lower() > most as u64 {
            return;
        }
        let mut taken = 0;
        let whole = async {
            while let Some(frame) = poll_fn(|cx| Pin::new(&mut *self).poll_frame(cx)).await {
                let Ok(frame) = frame else { return true };
                taken += frame.data_ref().map_or(0, Bytes::len);
                if taken > most {
                    return false;
                }
            }
            true
        };
        if let Ok(true) = timeout(time, whole).await {
            *self = Self::Empty;
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = ChannelError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Self::Incoming { body, left, passed, stall } = self.get_mut() else { return Poll::Ready(None) };
        let frame = match body.poll_frame(cx) {
            Poll::Pending => return stall.poll_waiting(cx).map(|()| Some(Err(BodyStalled.into()))),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(frame)) => frame?,
        };
        match frame.data_ref() {
            Some(data) if data.is_empty() => {}
            Some(data) => {
                stall.moved();
                if let Some(left) = left {
                    *left = left.checked_sub(data.len() as u64).ok_or(TooLarge)?;
                }
                passed.add(data.len());
            }
            None => stall.moved(),
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

impl BodySource {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ChannelError>>> {
        match self {
            Self::Empty => Poll::Ready(None),
            Self::Http2(body) => body.poll_frame(cx).map(|frame| frame.map(|frame| Ok(frame?))),
            Self::Http1(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Http2(body) => body.is_end_stream(),
            Self::Http1(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Http2(body) => body.size_hint(),
            Self::Http1(body) => body.size_hint(),
        }
    }
}

impl From<Http2Body> for BodySource {
    fn from(body: Http2Body) -> Self {
        Self::Http2(body)
    }
}

impl From<BodyReceiver> for BodySource {
    fn from(body: BodyReceiver) -> Self {
        Self::Http1(body)
    }
}
