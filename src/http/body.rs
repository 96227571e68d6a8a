//! [`Body`]: an answer on its way to the client. The request's log line lives in it and is written when it ends.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::activity::Busy;
use super::attribution_watch::AttributionWatch;
use super::permits::RequestPermit;
use crate::observe::access::{Access, Ended};
use crate::upstream::{Lease, Stall};

/// An answer's body: never held, only passed.
#[derive(Debug)]
pub struct Body {
    source: Source,
    kept: Option<Kept>,
    /// How long the client may take nothing of it.
    take: Option<Duration>,
}

/// What lives as long as the answer.
#[derive(Debug)]
struct Kept {
    access: Box<Access>,
    _busy: Option<Busy>,
    _permit: Option<RequestPermit>,
}

#[derive(Debug)]
enum Source {
    Empty,
    Full(Bytes),
    Gateway(Box<FromGateway>),
}

/// The gateway's body, and the connection that brings it.
pub struct FromGateway {
    /// Goes back to its pool at the end of the answer; `None` then, or when the answer broke off.
    lease: Option<Lease>,
    whole: bool,
    /// The gateway is waited for.
    stall: Stall,
    watch: Option<AttributionWatch>,
}

/// Why a body breaks off.
pub type BodyError = Box<dyn Error + Send + Sync>;

/// The gateway sent nothing of its answer for `timeouts.read`.
#[derive(Debug, thiserror::Error)]
#[error("the gateway's answer did not go on in time")]
pub struct Stalled;

impl Body {
    /// No body.
    pub fn empty() -> Self {
        Self { source: Source::Empty, kept: None, take: None }
    }

    /// These bytes.
    pub fn full(bytes: Bytes) -> Self {
        Self { source: Source::Full(bytes), kept: None, take: None }
    }

    /// What the gateway sends over `lease`, which goes back to its pool at the end. A pause of `limit` ends it; and so it does if
    /// the client takes nothing of it for `take`.
    pub fn from_gateway(
        lease: Lease,
        limit: Option<Duration>,
        take: Option<Duration>,
        watch: Option<AttributionWatch>,
    ) -> Self {
        if lease.is_end() {
            lease.give_back();
            return Self::empty();
        }
        let lease = Some(lease);
        let from = FromGateway { lease, whole: false, stall: Stall::new(limit), watch };
        Self { source: Source::Gateway(Box::new(from)), kept: None, take }
    }

    /// Gives the request's log line into this body's keeping, the sign that a request is under way, and its place among all.
    #[must_use]
    pub fn keeping(mut self, access: Box<Access>, busy: Option<Busy>, permit: Option<RequestPermit>) -> Self {
        self.kept = Some(Kept { access, _busy: busy, _permit: permit });
        self
    }

    /// An answer of our own: the client may take nothing of it for `take`. The gateway's has its route's limit.
    #[must_use]
    pub fn or_taken_within(mut self, take: Option<Duration>) -> Self {
        if !matches!(self.source, Source::Gateway(_)) {
            self.take = take;
        }
        self
    }

    /// How long the client may take nothing of it.
    pub fn take_limit(&self) -> Option<Duration> {
        self.take
    }

    /// The client is slow: what is read ahead for it should be little.
    pub fn read_little(&mut self) {
        if let Source::Gateway(from) = &mut self.source
            && let Some(lease) = &mut from.lease
        {
            lease.read_little();
        }
    }

    /// It ended like this, whatever is still to come of it, unless how it ends was known before.
    pub fn end_as(&mut self, how: Ended) {
        if let Some(mut kept) = self.kept.take()
            && matches!(kept.access.ended, Ended::ClientGone | Ended::Done)
        {
            kept.access.ended = how;
        }
    }

    fn ended(&mut self, how: Ended) {
        if let Some(kept) = &mut self.kept
            && kept.access.ended == Ended::ClientGone
        {
            kept.access.ended = how;
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = match &mut self.source {
            Source::Empty => None,
            Source::Full(bytes) => match std::mem::take(bytes) {
                bytes if bytes.is_empty() => None,
                bytes => Some(Ok(Frame::data(bytes))),
            },
            Source::Gateway(from) => ready!(from.poll_frame(cx)),
        };
        match &frame {
            None => self.ended(Ended::Done),
            Some(Ok(frame)) => {
                if let (Some(kept), Some(data)) = (&mut self.kept, frame.data_ref()) {
                    kept.access.bytes_out += data.len() as u64;
                }
            }
            Some(Err(error)) if error.is::<Stalled>() => self.ended(Ended::TimedOut),
            Some(Err(error)) => {
                tracing::debug!(%error, "answer broke off");
                self.ended(Ended::UpstreamFailed);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Empty => true,
            Source::Full(bytes) => bytes.is_empty(),
            Source::Gateway(from) => from.whole,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Empty => SizeHint::with_exact(0),
            Source::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Gateway(from) => match &from.lease {
                Some(lease) => lease.size_hint(),
                None if from.whole => SizeHint::with_exact(0),
                None => SizeHint::default(),
            },
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // Whoever sees that nothing follows does not ask again.
        if self.is_end_stream() {
            self.ended(Ended::Done);
        }
    }
}

impl FromGateway {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(lease) = &mut self.lease else { return Poll::Ready(None) };
        match lease.poll_frame(cx) {
            Poll::Pending => {
                ready!(self.stall.poll_waiting(cx));
                self.lease = None;
                Poll::Ready(Some(Err(Stalled.into())))
            }
            Poll::Ready(None) => {
                self.finish();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                self.lease = None;
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(Some(Ok(frame))) => {
                let last = lease.is_end();
                if let (Some(watch), Some(data)) = (&mut self.watch, frame.data_ref()) {
                    watch.feed(data);
                }
                if last {
                    self.finish();
                } else {
                    self.stall.moved();
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    /// Nothing more comes; the connection is free before the client has taken what came last.
    fn finish(&mut self) {
        self.whole = true;
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }
}

impl std::fmt::Debug for FromGateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FromGateway").field("whole", &self.whole).finish_non_exhaustive()
    }
}
