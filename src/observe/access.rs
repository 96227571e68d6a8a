//! The two lines that say what happened to a peer: one per request, one per WebSocket.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::header::{HOST, HeaderName, REFERER, USER_AGENT};
use http::{HeaderValue, Method, StatusCode, Version, request};

use super::clean::{LONGEST, clean, word};
use super::redact::Redactor;
use crate::config::Log;

/// The most of a user agent that is logged, in bytes.
const USER_AGENT_LONGEST: usize = 200;

/// Whether access lines are written, and what must not be in them. Cheap to clone; every request holds one.
#[derive(Debug, Clone)]
pub struct AccessLog {
    redactor: Option<Arc<Redactor>>,
}

impl AccessLog {
    /// As the `log` section says.
    pub fn new(log: &Log) -> Self {
        Self { redactor: log.access.then(|| Arc::new(Redactor::new(&log.redact))) }
    }

    /// A log that is off.
    pub fn off() -> Self {
        Self { redactor: None }
    }

    /// Begins a request's line; it is written when the value is dropped.
    pub fn request(&self, id: &str, client: Client, request: &request::Parts) -> Access {
        let field = |name: HeaderName| self.redactor.as_ref().and_then(|_| request.headers.get(name).cloned());
        Access {
            log: self.clone(),
            began: Instant::now(),
            id: id.to_owned(),
            client,
            method: request.method.clone(),
            host: field(HOST).or_else(|| request.uri.authority().and_then(|host| host.as_str().parse().ok())),
            target: request.uri.path_and_query().map_or_else(String::new, |target| target.as_str().to_owned()),
            version: request.version,
            tls: None,
            status: None,
            bytes_in: Counter::default(),
            bytes_out: 0,
            upstream: None,
            user_agent: field(USER_AGENT),
            referer: field(REFERER),
            answered_by: AnsweredBy::Gateway,
            failure: None,
            ended: Ended::ClientGone,
        }
    }

    /// Writes a WebSocket's line.
    pub fn websocket(&self, tunnel: &Tunnel) {
        if let Some(redactor) = &self.redactor {
            tunnel.write(redactor);
        }
    }
}

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The client's address; `None` on a unix socket.
    pub addr: Option<IpAddr>,
    /// The address the connection came from, if that is a trusted proxy's and not the client's own.
    pub proxy: Option<IpAddr>,
}

/// One request's line. It is written exactly once, when this is dropped: whoever answers fills in what becomes known and
/// keeps the value for as long as the answer's body is being sent. Unless it is told how the request ended, it ended
/// because the client went away, and that is what drops a body early.
#[derive(Debug)]
pub struct Access {
    log: AccessLog,
    began: Instant,
    /// The request's id, as in `X-Request-Id`.
    pub id: String,
    /// Who asked.
    pub client: Client,
    /// The method.
    pub method: Method,
    /// `Host` or `:authority`.
    pub host: Option<HeaderValue>,
    /// The request target as it came; secrets are hidden when the line is written.
    pub target: String,
    /// The client's protocol.
    pub version: Version,
    /// The client's TLS version, `1.2` or `1.3`; `None` on a plain listener.
    pub tls: Option<&'static str>,
    /// The status that the client got; `None` if it left before.
    pub status: Option<StatusCode>,
    /// Bytes of the request's body.
    pub bytes_in: Counter,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// From sending the request on to the head of the gateway's answer.
    pub upstream: Option<Duration>,
    /// `User-Agent`.
    pub user_agent: Option<HeaderValue>,
    /// `Referer`.
    pub referer: Option<HeaderValue>,
    /// Whose answer it is.
    pub answered_by: AnsweredBy,
    /// The code of the failure that frontgate answered with or that cut the answer short.
    pub failure: Option<&'static str>,
    /// How it ended.
    pub ended: Ended,
}

/// Whose answer a client got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnsweredBy {
    /// The gateway's, passed on.
    Gateway,
    /// Our own.
    Frontgate,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The whole answer was handed to the connection.
    Done,
    /// The client went away before it had the whole answer.
    ClientGone,
    /// The gateway's answer broke off.
    UpstreamFailed,
    /// It took longer than a configured limit.
    TimedOut,
    /// The request became a WebSocket, which has a line of its own.
    Upgraded,
    /// A shutdown ended it.
    Draining,
}

impl Ended {
    /// The word in the line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::ClientGone => "client_gone",
            Self::UpstreamFailed => "upstream_failed",
            Self::TimedOut => "timed_out",
            Self::Upgraded => "upgraded",
            Self::Draining => "draining",
        }
    }
}

/// Bytes counted where they pass: a request's body goes to the gateway in a task of its own.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds `bytes`.
    pub fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The sum.
    pub fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Access {
    /// Frontgate answers by itself, with a failure.
    pub fn failed(&mut self, status: StatusCode, code: &'static str) {
        self.status = Some(status);
        self.failure = Some(code);
        self.answered_by = AnsweredBy::Frontgate;
    }

    fn write(&self, redactor: &Redactor) {
        tracing::info!(
            target: "frontgate::access",
            id = %word(self.id.as_bytes(), LONGEST),
            client = %Address(self.client.addr),
            peer = self.client.proxy.filter(|proxy| Some(*proxy) != self.client.addr).map(tracing::field::display),
            method = %word(self.method.as_str().as_bytes(), USER_AGENT_LONGEST),
            host = self.host.as_ref().map(|host| tracing::field::display(word(host.as_bytes(), LONGEST))),
            target = %redacted(redactor, self.target.as_bytes()),
            protocol = protocol(self.version),
            tls = self.tls.map(tracing::field::display),
            status = self.status.map(|status| status.as_u16()),
            bytes_in = self.bytes_in.total(),
            bytes_out = self.bytes_out,
            duration_ms = millis(self.began.elapsed()),
            upstream_ms = self.upstream.map(millis),
            ended = %self.ended.as_str(),
            from = %match self.answered_by { AnsweredBy::Gateway => "gateway", AnsweredBy::Frontgate => "frontgate" },
            failure = self.failure.map(tracing::field::display),
            referer = self.referer.as_ref().map(|referer| tracing::field::display(redacted(redactor, referer.as_bytes()))),
            user_agent = self.user_agent.as_ref().map(|agent| clean(agent.as_bytes(), USER_AGENT_LONGEST)).as_deref(),
            "request"
        );
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        if let Some(redactor) = &self.log.redactor {
            self.write(redactor);
        }
    }
}

/// One WebSocket's line, from its 101 to its end.
#[derive(Debug, Clone)]
pub struct Tunnel {
    /// The id of the request that opened it.
    pub id: String,
    /// Who opened it.
    pub client: Client,
    /// `Host` or `:authority`.
    pub host: Option<HeaderValue>,
    /// The request target as it came; secrets are hidden when the line is written.
    pub target: String,
    /// From the 101 to the end.
    pub duration: Duration,
    /// What ended it: a name of the table "How a WebSocket ends".
    pub ended: &'static str,
    /// Whether both sides got their Close and no frame was cut.
    pub clean: bool,
    /// The client's side.
    pub from_client: Leg,
    /// The gateway's side.
    pub from_gateway: Leg,
}

/// One side of a WebSocket: what came from that peer, and what we told it.
#[derive(Debug, Clone, Default)]
pub struct Leg {
    /// Frames that came.
    pub frames: u64,
    /// Messages that came.
    pub messages: u64,
    /// Bytes that came, frame heads included.
    pub bytes: u64,
    /// Pings of ours.
    pub pings: u64,
    /// The last round trip of a ping of ours.
    pub round_trip: Option<Duration>,
    /// The average round trip.
    pub round_trip_average: Option<Duration>,
    /// The code of the Close that came; 1005 if it had none (RFC 6455 §7.1.5).
    pub close_received: Option<u16>,
    /// The code of the Close that went there.
    pub close_sent: Option<u16>,
    /// The reason in the Close that came, as it came.
    pub reason: Vec<u8>,
}

impl Tunnel {
    fn write(&self, redactor: &Redactor) {
        let (client, gateway) = (&self.from_client, &self.from_gateway);
        let reason = |leg: &Leg| (!leg.reason.is_empty()).then(|| clean(&leg.reason, LONGEST).into_owned());
        tracing::info!(
            target: "frontgate::access",
            id = %word(self.id.as_bytes(), LONGEST),
            client = %Address(self.client.addr),
            peer = self.client.proxy.filter(|proxy| Some(*proxy) != self.client.addr).map(tracing::field::display),
            host = self.host.as_ref().map(|host| tracing::field::display(word(host.as_bytes(), LONGEST))),
            target = %redacted(redactor, self.target.as_bytes()),
            duration_ms = millis(self.duration),
            ended = %self.ended,
            clean = self.clean,
            client_frames = client.frames,
            client_messages = client.messages,
            client_bytes = client.bytes,
            client_pings = client.pings,
            client_rtt_ms = client.round_trip.map(millis),
            client_rtt_avg_ms = client.round_trip_average.map(millis),
            client_close_received = client.close_received,
            client_close_sent = client.close_sent,
            client_reason = reason(client),
            gateway_frames = gateway.frames,
            gateway_messages = gateway.messages,
            gateway_bytes = gateway.bytes,
            gateway_pings = gateway.pings,
            gateway_rtt_ms = gateway.round_trip.map(millis),
            gateway_rtt_avg_ms = gateway.round_trip_average.map(millis),
            gateway_close_received = gateway.close_received,
            gateway_close_sent = gateway.close_sent,
            gateway_reason = reason(gateway),
            "websocket"
        );
    }
}

/// Secrets hidden first: cleaning could cut a name in two.
fn redacted(redactor: &Redactor, text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let redacted: Cow<'_, str> = redactor.target(&text);
    word(redacted.as_bytes(), LONGEST).into_owned()
}

/// Milliseconds with one decimal.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "h2",
        Version::HTTP_10 => "http/1.0",
        _ => "h1",
    }
}

struct Address(Option<IpAddr>);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(addr) => addr.fmt(f),
            None => f.write_str("unix"),
        }
    }
}
