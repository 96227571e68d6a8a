//! [`AccessLine`]: the line of one request.

mod counter;
mod log;
mod trace;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderValue, Method, StatusCode, Version};
use tokio::time::Instant;

use super::clean::{LONGEST, clean, word};
use super::metrics::{EndedRequest, HandshakeOutcome, Metrics, RouteRequests};
use super::redact::Redactor;

pub(crate) use counter::ByteCounter;
pub(crate) use log::AccessLog;
pub(crate) use trace::{SpanBegin, SpanIds, TraceId};

/// The most bytes of a user agent that are logged.
const USER_AGENT_LONGEST: usize = 200;

/// The client of a request, by address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LoggedClient {
    /// The client's address; `None` on a unix socket.
    pub(crate) addr: Option<IpAddr>,
    /// The address the connection came from, if that is a trusted proxy's and not the client's own.
    pub(crate) proxy: Option<IpAddr>,
}

/// One request's line. It is written exactly once, when this is dropped: the layers that answer fill in the fields as
/// they become known and keep the value for as long as the answer's body is being sent. Unless a layer notes how the
/// request ended, it ended because the client went away, and that is what drops a body early.
#[derive(Debug)]
pub(crate) struct AccessLine {
    log: AccessLog,
    began: Instant,
    /// The request's id, as in `X-Request-Id`.
    pub(crate) id: String,
    /// The number of the client's connection.
    pub(crate) connection: u64,
    /// The trace that the request belongs to.
    pub(crate) trace: Option<TraceId>,
    /// Its place in that trace, where spans are exported.
    pub(crate) span: Option<SpanIds>,
    /// The client that sent the request.
    pub(crate) client: LoggedClient,
    /// The request's method.
    pub(crate) method: Method,
    /// `Host` or `:authority`.
    pub(crate) host: Option<HeaderValue>,
    /// The request target as it came; secrets are hidden when the line is written.
    pub(crate) target: String,
    /// The client's protocol.
    pub(crate) version: Version,
    /// The client's TLS version, `1.2` or `1.3`; `None` on a plain listener.
    pub(crate) tls: Option<&'static str>,
    /// The subject of the client's certificate, if it showed one.
    pub(crate) subject: Option<Arc<str>>,
    /// The user that logged in with name and password.
    pub(crate) user: Option<Arc<str>>,
    /// The route it took, where there are several.
    pub(crate) route: Option<Arc<str>>,
    /// The route it took, for the metrics.
    counted_route: Option<Arc<RouteRequests>>,
    /// Whether it is a WebSocket handshake.
    pub(crate) is_handshake: bool,
    /// The gateway that it was sent to, where there are several.
    pub(crate) gateway: Option<Arc<str>>,
    /// The status that the client got; `None` if the client left before.
    pub(crate) status: Option<StatusCode>,
    /// The time from the request's head to the head of its answer.
    first_byte: Option<Duration>,
    /// Counts the bytes of the request's body, if it has one.
    pub(crate) bytes_in: Option<ByteCounter>,
    /// Bytes of the answer's body.
    pub(crate) bytes_out: u64,
    /// How long the request waited for a gateway that was down, if it did.
    pub(crate) held: Option<Duration>,
    /// The time from sending the request on to the head of the gateway's answer.
    pub(crate) upstream: Option<Duration>,
    /// The request's `User-Agent`.
    pub(crate) user_agent: Option<HeaderValue>,
    /// The request's `Referer`.
    pub(crate) referer: Option<HeaderValue>,
    /// Whether the answer is the gateway's or frontgate's.
    pub(crate) answered_by: AnsweredBy,
    /// The code of the failure that frontgate answered with or that cut the answer short.
    pub(crate) failure: Option<&'static str>,
    /// How the request ended.
    pub(crate) ended: RequestEnd,
}

impl AccessLine {
    /// The metrics that the request counts in.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.log.metrics
    }

    /// When the request's head was complete.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// The place in a trace of the WebSocket that the request is to become.
    pub(crate) fn span_begin(&self) -> Option<Box<SpanBegin>> {
        let at = SystemTime::now().checked_sub(self.began.elapsed()).unwrap_or(SystemTime::UNIX_EPOCH);
        self.span.map(|ids| Box::new(SpanBegin { ids, at }))
    }
}

/// The origin of the answer that a client got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnsweredBy {
    /// The gateway's answer, passed on.
    Gateway,
    /// frontgate's own answer.
    Frontgate,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestEnd {
    /// The whole answer was handed to the connection.
    Done,
    /// The client went away before it had the whole answer.
    ClientGone,
    /// The gateway's answer broke off.
    UpstreamFailed,
    /// A step took longer than its configured limit.
    TimedOut,
    /// The login with which the answer went on has ended.
    SessionEnded,
    /// The request became a WebSocket, which has a line of its own.
    Upgraded,
}

impl RequestEnd {
    /// The word for the end in the line.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::ClientGone => "client_gone",
            Self::UpstreamFailed => "upstream_failed",
            Self::TimedOut => "timed_out",
            Self::SessionEnded => "session_ended",
            Self::Upgraded => "upgraded",
        }
    }
}

impl AccessLine {
    /// Notes the route that the request takes; where there is only one, the line does not name it.
    pub(crate) fn take_route(&mut self, route: &Arc<RouteRequests>, is_one_of_several: bool) {
        self.route = is_one_of_several.then(|| Arc::clone(route.name()));
        self.counted_route = Some(Arc::clone(route));
    }

    /// Notes the status of the answer, whose head is complete.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
        self.first_byte = Some(self.began.elapsed());
    }

    /// Notes that frontgate answers by itself, with a failure.
    pub(crate) fn failed(&mut self, status: StatusCode, code: &'static str) {
        self.status = Some(status);
        self.failure = Some(code);
        self.answered_by = AnsweredBy::Frontgate;
    }

    /// Replaces the fields of the request's head by copies that are no longer than a line shows: a view of the head
    /// would keep all of the buffer that it was read into, for as long as the answer takes.
    pub(crate) fn detach(&mut self) {
        for field in [&mut self.host, &mut self.user_agent, &mut self.referer] {
            let copied = field.take().and_then(|value| HeaderValue::from_bytes(begin(value.as_bytes())).ok());
            *field = copied;
        }
        let shown = begin(self.target.as_bytes()).len();
        if shown < self.target.len() {
            let shown = (0..=shown).rev().find(|at| self.target.is_char_boundary(*at)).unwrap_or(0);
            self.target.truncate(shown);
        }
        self.target.shrink_to_fit();
    }

    /// The outcome of the WebSocket handshake that it was.
    fn handshake_outcome(&self) -> HandshakeOutcome {
        match (self.ended, self.status.map(|status| status.as_u16()), self.failure) {
            (RequestEnd::Upgraded, _, _) => HandshakeOutcome::Opened,
            (_, None, _) => HandshakeOutcome::Left,
            (_, Some(status), Some(code)) => HandshakeOutcome::Refused(status, code),
            (_, Some(status), None) => match self.answered_by {
                AnsweredBy::Gateway => HandshakeOutcome::RefusedByGateway(status),
                AnsweredBy::Frontgate => HandshakeOutcome::Refused(status, "respond"),
            },
        }
    }

    /// One in how many requests like this one has a line, if not all have.
    fn sampled(&self) -> Option<u32> {
        let went_well = self.ended == RequestEnd::Done
            && self.failure.is_none()
            && self.status.is_some_and(|status| status.is_success() || status.is_redirection());
        (went_well && self.log.sample > 1).then_some(self.log.sample)
    }

    pub(super) fn received(&self) -> u64 {
        self.bytes_in.as_ref().map_or(0, ByteCounter::total)
    }

    fn write(&self, redactor: &Redactor) {
        tracing::info!(
            target: "frontgate::access",
            id = %word(self.id.as_bytes(), LONGEST),
            client = %LoggedAddress(self.client.addr),
            peer = self.client.proxy.filter(|proxy| Some(*proxy) != self.client.addr).map(tracing::field::display),
            method = %word(self.method.as_str().as_bytes(), USER_AGENT_LONGEST),
            host = self.host.as_ref().map(|host| tracing::field::display(word(host.as_bytes(), LONGEST))),
            target = %redacted(redactor, self.target.as_bytes()),
            protocol = %protocol(self.version),
            conn = self.connection,
            tls = self.tls.map(tracing::field::display),
            subject = self.subject.as_ref().map(|subject| clean(subject.as_bytes(), LONGEST)).as_deref(),
            user = self.user.as_ref().map(|user| clean(user.as_bytes(), LONGEST)).as_deref(),
            route = self.route.as_deref().map(|route| word(route.as_bytes(), LONGEST)).map(tracing::field::display),
            upstream = self.gateway.as_deref().map(|at| word(at.as_bytes(), LONGEST)).map(tracing::field::display),
            trace_id = self.trace.map(tracing::field::display),
            status = self.status.map(|status| status.as_u16()),
            bytes_in = self.received(),
            bytes_out = self.bytes_out,
            duration_ms = millis(self.began.elapsed()),
            held_ms = self.held.map(millis),
            upstream_ms = self.upstream.map(millis),
            ended = %self.ended.as_str(),
            from = %match self.answered_by { AnsweredBy::Gateway => "gateway", AnsweredBy::Frontgate => "frontgate" },
            failure = self.failure.map(tracing::field::display),
            sample = self.sampled(),
            referer = self.referer.as_ref().map(|referer| tracing::field::display(redacted(redactor, referer.as_bytes()))),
            user_agent = self.user_agent.as_ref().map(|agent| clean(agent.as_bytes(), USER_AGENT_LONGEST)).as_deref(),
            "request"
        );
    }
}

impl Drop for AccessLine {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        let metrics = &self.log.metrics;
        metrics.requests.ended(&EndedRequest {
            route: self.counted_route.as_deref(),
            method: &self.method,
            version: self.version,
            status: self.status,
            failure: self.failure,
            received: self.received(),
            sent: self.bytes_out,
            took,
            first_byte: self.first_byte,
        });
        if self.is_handshake {
            metrics.websockets.shook_hands(self.handshake_outcome(), took);
        }
        let Some(redactor) = &self.log.redactor else { return };
        if let Some(spans) = &self.log.spans {
            spans.request(self, redactor);
        }
        if self.log.writes && self.sampled().is_none_or(|sample| fastrand::u32(..sample) == 0) {
            self.write(redactor);
        }
    }
}

/// As many bytes as a line shows, and a few more, so that the line shows the cut.
fn begin(text: &[u8]) -> &[u8] {
    &text[..text.len().min(LONGEST + 8)]
}

/// A target or URL without secrets, as a word. Cutting before redacting is safe: the kept part of a secret still
/// follows its name.
pub(super) fn redacted(redactor: &Redactor, text: &[u8]) -> String {
    word(redactor.target(&clean(text, LONGEST)).as_bytes(), LONGEST).into_owned()
}

/// Milliseconds with one decimal.
pub(super) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "h2",
        Version::HTTP_10 => "h1.0",
        _ => "h1",
    }
}

/// An address as a line shows it.
pub(crate) struct LoggedAddress(pub(crate) Option<IpAddr>);

impl fmt::Display for LoggedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(addr) => addr.fmt(f),
            None => f.write_str("unix"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
