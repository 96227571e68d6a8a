//! [`AnswerBody`]: an answer on its way to the client. The request's log line lives in it and is written when it ends.

use std::collections::VecDeque;
use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::answer_login::AnswerLogin;
use super::attribution_watch::AttributionWatch;
use super::compression::GzipEncoder;
use crate::http::edge::connection_state::RequestUnderWay;
use crate::http::edge::permits::{RequestPermit, TakeLimit};
use crate::observe::access::{AccessLine, RequestEnd};
use crate::upstream::{BodyStalled, H1Error, Lease, RequestBody};

/// An answer's body: never held, only passed.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    source: AnswerSource,
    kept: Option<BodyGuards>,
    /// How long the client may take nothing of the answer.
    take: Option<Duration>,
    /// The part of the request's body that was not read.
    rest: Option<RequestBody>,
}

/// The values that live as long as the answer.
#[derive(Debug)]
struct BodyGuards {
    access: Box<AccessLine>,
    _busy: Option<RequestUnderWay>,
    permit: Option<RequestPermit>,
}

#[derive(Debug)]
enum AnswerSource {
    Empty,
    Full(Bytes),
    Gateway(Box<GatewayAnswer>),
}

/// The gateway's body, and the connection that brings it.
pub(crate) struct GatewayAnswer {
    /// Goes back to its pool at the end of the answer; `None` then, or when the answer broke off.
    lease: Option<Lease>,
    whole: bool,
    /// What was read of the answer before it was decided whether it passes.
    ahead: VecDeque<AnswerFrame>,
    watch: Option<AttributionWatch>,
    /// Compresses the body.
    gzip: Option<Box<GzipEncoder>>,
    /// The login with which the answer goes on.
    login: Option<AnswerLogin>,
    /// The part of the request's body that the gateway did not take.
    unsent: Option<RequestBody>,
}

/// The login with which an answer went on has ended.
#[derive(Debug, thiserror::Error)]
#[error("the login has ended")]
struct LoginEnded;

/// Why a body breaks off.
pub(crate) type AnswerBodyError = Box<dyn Error + Send + Sync>;

/// A piece of a body, or why it breaks off.
type AnswerFrame = Result<Frame<Bytes>, AnswerBodyError>;

impl AnswerBody {
    /// An empty body.
    pub(crate) fn empty() -> Self {
        Self::new(AnswerSource::Empty)
    }

    /// A body of these bytes.
    pub(crate) fn full(bytes: Bytes) -> Self {
        Self::new(AnswerSource::Full(bytes))
    }

    /// The body that the gateway sends over `lease`, which goes back to its pool at the end.
    pub(crate) fn from_gateway(mut lease: Lease, watch: Option<AttributionWatch>) -> Self {
        if lease.is_end() {
            let mut body = Self::empty();
            body.rest = lease.take_unsent().filter(RequestBody::outlives_its_answer);
            lease.give_back();
            return body;
        }
        let from = GatewayAnswer {
            lease: Some(lease),
            whole: false,
            ahead: VecDeque::new(),
            watch,
            gzip: None,
            login: None,
            unsent: None,
        };
        Self::new(AnswerSource::Gateway(Box::new(from)))
    }

    fn new(source: AnswerSource) -> Self {
        Self { source, take: None, kept: None, rest: None }
    }

    /// Sets how long the client may take nothing of the answer; `None` is for ever.
    #[must_use]
    pub(crate) fn taken_within(mut self, limit: Option<Duration>) -> Self {
        self.take = limit;
        self
    }

    /// Makes the body go through `gzip`.
    #[must_use]
    pub(super) fn compressed(mut self, gzip: Box<GzipEncoder>) -> Self {
        if let AnswerSource::Gateway(from) = &mut self.source {
            from.gzip = Some(gzip);
        }
        self
    }

    /// Whether the body is the gateway's word that it was not told about this proxy. Reads the beginning of a body that may
    /// be, which is passed on all the same if it is not.
    pub(super) async fn refuses_proxy(&mut self) -> bool {
        let AnswerSource::Gateway(from) = &mut self.source else { return false };
        poll_fn(|cx| from.poll_refuses_proxy(cx)).await
    }

    /// Makes the answer break off when the login ends that `login` makes, if it is one of which the end is not known.
    #[must_use]
    pub(crate) fn ending_with(mut self, login: impl FnOnce() -> Option<AnswerLogin>) -> Self {
        if self.size_hint().upper().is_none()
            && let AnswerSource::Gateway(from) = &mut self.source
        {
            from.login = login();
        }
        self
    }

    /// Whether the body is frontgate's own.
    pub(crate) fn is_ours(&self) -> bool {
        !matches!(self.source, AnswerSource::Gateway(_))
    }

    /// How long the client may take nothing of the answer.
    pub(crate) fn take_limit(&self) -> Option<Duration> {
        self.take
    }

    /// The same where the answer gives way to other requests.
    pub(crate) fn yielding_take_limit(&self) -> TakeLimit {
        let permit = self.kept.as_ref().and_then(|kept| kept.permit.as_ref());
        permit.map_or_else(|| TakeLimit::fixed(self.take), |permit| permit.take_limit(self.take))
    }

    /// Makes the body hold the request's log line, the mark that the request is under way, and its permit.
    #[must_use]
    pub(crate) fn keeping(
        mut self,
        access: Box<AccessLine>,
        busy: Option<RequestUnderWay>,
        permit: Option<RequestPermit>,
    ) -> Self {
        self.kept = Some(BodyGuards { access, _busy: busy, permit });
        self
    }

    /// Makes the body hold the part of the request's body that was not read, where it is the answer's task that reads
    /// on.
    #[must_use]
    pub(crate) fn before(mut self, rest: RequestBody) -> Self {
        if rest.outlives_its_answer() {
            self.rest = Some(rest);
        }
        self
    }

    /// Takes out the part of the request's body that was not read, once the answer is complete: a client that still
    /// sends it would lose the answer if it were refused.
    pub(crate) fn take_rest(&mut self) -> Option<RequestBody> {
        let unsent = match &mut self.source {
            AnswerSource::Gateway(from) => from.unsent.take(),
            AnswerSource::Empty | AnswerSource::Full(_) => None,
        };
        self.rest.take().or(unsent)
    }

    /// Lets the next frame be a small one.
    pub(crate) fn read_little_next(&mut self) {
        if let AnswerSource::Gateway(from) = &mut self.source
            && let Some(lease) = &mut from.lease
        {
            lease.read_little_next();
        }
    }

    /// Reads little ahead from here on, because the client is slow.
    pub(crate) fn read_little(&mut self) {
        if let AnswerSource::Gateway(from) = &mut self.source
            && let Some(lease) = &mut from.lease
        {
            lease.read_little();
        }
    }

    /// Sets how the answer ended, whatever is still to come of it, unless how it ends was known before.
    pub(crate) fn end_as(&mut self, how: RequestEnd) {
        if let Some(mut kept) = self.kept.take()
            && matches!(kept.access.ended, RequestEnd::ClientGone | RequestEnd::Done)
        {
            kept.access.ended = how;
        }
    }

    fn ended(&mut self, how: RequestEnd) {
        if let Some(kept) = &mut self.kept
            && kept.access.ended == RequestEnd::ClientGone
        {
            kept.access.ended = how;
        }
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = AnswerBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerBodyError>>> {
        let frame = match &mut self.source {
            AnswerSource::Empty => None,
            AnswerSource::Full(bytes) => match std::mem::take(bytes) {
                bytes if bytes.is_empty() => None,
                bytes => Some(Ok(Frame::data(bytes))),
            },
            AnswerSource::Gateway(from) => ready!(from.poll_frame(cx)),
        };
        match &frame {
            None => self.ended(RequestEnd::Done),
            Some(Ok(frame)) => {
                if let (Some(kept), Some(data)) = (&mut self.kept, frame.data_ref()) {
                    kept.access.bytes_out += data.len() as u64;
                }
            }
            Some(Err(error)) if is_time_out(error) => self.ended(RequestEnd::TimedOut),
            Some(Err(error)) if error.is::<LoginEnded>() => self.ended(RequestEnd::SessionEnded),
            Some(Err(error)) => {
                let id = self.kept.as_ref().map(|kept| kept.access.id.as_str());
                tracing::debug!(id, %error, "answer broke off");
                self.ended(RequestEnd::UpstreamFailed);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            AnswerSource::Empty => true,
            AnswerSource::Full(bytes) => bytes.is_empty(),
            AnswerSource::Gateway(from) => from.whole && from.ahead.is_empty() && from.gzip.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            AnswerSource::Empty => SizeHint::with_exact(0),
            AnswerSource::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            AnswerSource::Gateway(from) => from.size_hint(),
        }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        // A connection that sees that nothing follows does not poll again.
        if self.is_end_stream() {
            self.ended(RequestEnd::Done);
        }
    }
}

impl GatewayAnswer {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<AnswerFrame>> {
        if let Some(frame) = self.ahead.pop_front() {
            return Poll::Ready(Some(frame));
        }
        let Some(mut gzip) = self.gzip.take() else { return self.poll_sent(cx) };
        let frame = gzip.poll_frame(cx, |cx| self.poll_sent(cx));
        self.gzip = Some(gzip).filter(|gzip| !gzip.is_over());
        frame
    }

    fn size_hint(&self) -> SizeHint {
        if self.gzip.is_some() {
            return SizeHint::default();
        }
        let sent = match &self.lease {
            Some(lease) => lease.size_hint(),
            None if self.whole => SizeHint::with_exact(0),
            None => SizeHint::default(),
        };
        if self.ahead.is_empty() {
            return sent;
        }
        let bytes: usize = self.ahead.iter().filter_map(|frame| frame.as_ref().ok()?.data_ref()).map(Bytes::len).sum();
        sent.exact().map_or_else(SizeHint::default, |sent| SizeHint::with_exact(sent + bytes as u64))
    }

    /// Reads the body until it is known whether it has the gateway's word about proxies.
    fn poll_refuses_proxy(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        while self.watch.as_ref().is_some_and(|watch| !watch.is_over()) {
            let Some(frame) = ready!(self.poll_sent(cx)) else { break };
            let broke = frame.is_err();
            self.ahead.push_back(frame);
            if broke {
                break;
            }
        }
        Poll::Ready(self.watch.as_ref().is_some_and(AttributionWatch::has_found))
    }

    /// The next piece of the body as the gateway sends it.
    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Option<AnswerFrame>> {
        let Some(lease) = &mut self.lease else { return Poll::Ready(None) };
        if self.login.as_mut().is_some_and(|login| login.poll_ended(cx).is_ready()) {
            self.lease = None;
            return Poll::Ready(Some(Err(LoginEnded.into())));
        }
        match ready!(lease.poll_frame(cx)) {
            None => {
                self.finish();
                Poll::Ready(None)
            }
            Some(Err(error)) => {
                self.lease = None;
                Poll::Ready(Some(Err(error.into())))
            }
            Some(Ok(frame)) => {
                let last = lease.is_end();
                if let (Some(watch), Some(data)) = (&mut self.watch, frame.data_ref()) {
                    watch.feed(data);
                }
                if last {
                    self.finish();
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    /// Ends the answer: the connection is free before the client has taken the last bytes.
    fn finish(&mut self) {
        self.whole = true;
        self.login = None;
        if let Some(mut lease) = self.lease.take() {
            self.unsent = lease.take_unsent().filter(RequestBody::outlives_its_answer);
            lease.give_back();
        }
    }
}

/// Whether the gateway or the client stood still for too long.
fn is_time_out(error: &AnswerBodyError) -> bool {
    match error.downcast_ref() {
        Some(H1Error::Silent | H1Error::Untaken) => true,
        Some(H1Error::Body(error)) => error.is::<BodyStalled>(),
        _ => false,
    }
}

impl std::fmt::Debug for GatewayAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FromGateway").field("whole", &self.whole).finish_non_exhaustive()
    }
}
