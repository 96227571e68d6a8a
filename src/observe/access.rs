//! [`Access`]: the line that says what happened to a request.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::header::{HOST, HeaderName, REFERER, USER_AGENT};
use http::{HeaderValue, Method, StatusCode, Version, request};

use super::clean::{LONGEST, clean, word};
use super::metrics::Metrics;
use super::redact::Redactor;
use super::tunnel::Tunnel;
use crate::config::Log;

/// The most of a user agent that is logged, in bytes.
const USER_AGENT_LONGEST: usize = 200;

/// Whether access lines are written, and what must not be in them. Cheap to clone; every request holds one.
#[derive(Debug, Clone)]
pub struct AccessLog {
    redactor: Option<Arc<Redactor>>,
    metrics: Arc<Metrics>,
}

impl AccessLog {
    /// As the `log` section says.
    pub fn new(log: &Log) -> Self {
        Self { redactor: log.access.then(|| Arc::new(Redactor::new(&log.redact))), metrics: Arc::default() }
    }

    /// A log that is off.
    pub fn off() -> Self {
        Self { redactor: None, metrics: Arc::default() }
    }

    /// The same, and each line counts in `metrics`, also when none is written.
    #[must_use]
    pub fn counting(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics, ..self }
    }

    /// Where its lines count.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Begins a request's line; it is written when the value is dropped. What only a line needs is copied only for one.
    pub fn request(&self, id: &str, client: Client, request: &request::Parts) -> Box<Access> {
        let is_on = self.redactor.is_some();
        let text = |text: &str| if is_on { text.to_owned() } else { String::new() };
        let field = |name: HeaderName| is_on.then(|| request.headers.get(name)).flatten().cloned();
        let authority = || is_on.then(|| request.uri.authority()?.as_str().parse().ok()).flatten();
        Box::new(Access {
            log: self.clone(),
            began: Instant::now(),
            id: text(id),
            client,
            method: request.method.clone(),
            host: field(HOST).or_else(authority),
            target: request.uri.path_and_query().map_or_else(String::new, |target| text(target.as_str())),
            version: request.version,
            tls: None,
            subject: None,
            user: None,
            route: None,
            gateway: None,
            status: None,
            bytes_in: None,
            bytes_out: 0,
            held: None,
            upstream: None,
            user_agent: field(USER_AGENT),
            referer: field(REFERER),
            answered_by: AnsweredBy::Gateway,
            failure: None,
            ended: Ended::ClientGone,
        })
    }

    /// Writes a WebSocket's line.
    pub fn websocket(&self, tunnel: &Tunnel) {
        self.metrics.websockets.ended(tunnel.ended);
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
    /// The subject of the client's certificate, if it showed one.
    pub subject: Option<Arc<str>>,
    /// Who it is, by name and password.
    pub user: Option<Arc<str>>,
    /// The route it took, where there are several.
    pub route: Option<Arc<str>>,
    /// The gateway that it was sent to, where there are several.
    pub gateway: Option<Arc<str>>,
    /// The status that the client got; `None` if it left before.
    pub status: Option<StatusCode>,
    /// Bytes of the request's body, if it has one.
    pub bytes_in: Option<Counter>,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// How long it waited for a gateway that was down, if it did.
    pub held: Option<Duration>,
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

    fn received(&self) -> u64 {
        self.bytes_in.as_ref().map_or(0, Counter::total)
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
            protocol = %protocol(self.version),
            tls = self.tls.map(tracing::field::display),
            subject = self.subject.as_ref().map(|subject| clean(subject.as_bytes(), LONGEST)).as_deref(),
            user = self.user.as_ref().map(|user| clean(user.as_bytes(), LONGEST)).as_deref(),
            route = self.route.as_deref().map(|route| word(route.as_bytes(), LONGEST)).map(tracing::field::display),
            upstream = self.gateway.as_deref().map(|at| word(at.as_bytes(), LONGEST)).map(tracing::field::display),
            status = self.status.map(|status| status.as_u16()),
            bytes_in = self.received(),
            bytes_out = self.bytes_out,
            duration_ms = millis(self.began.elapsed()),
            held_ms = self.held.map(millis),
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
        self.log.metrics.requests.ended(self.status, self.received(), self.bytes_out);
        if let Some(redactor) = &self.log.redactor {
            self.write(redactor);
        }
    }
}

/// A target or URL without secrets, as a word. Cutting first is safe: what is kept of a secret still follows its name.
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

/// An address in a line.
pub(super) struct Address(pub(super) Option<IpAddr>);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(addr) => addr.fmt(f),
            None => f.write_str("unix"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::Ipv4Addr;

    use http::Request;

    use super::*;
    use crate::config::LogFormat;
    use crate::observe::logging::tests::logged;
    use crate::observe::tunnel::Opening;
    use crate::observe::tunnel::tests::{opening, tunnel};

    pub(crate) const REMOTE: Client = Client { addr: Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5))), proxy: None };

    pub(crate) fn text() -> Log {
        Log { format: LogFormat::Text, ..Log::default() }
    }

    fn request(target: &str, fields: &[(&str, &str)]) -> request::Parts {
        let request =
            fields.iter().fold(Request::builder().uri(target), |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    /// The lines without their time and with durations that do not vary.
    pub(crate) fn steady(lines: &str) -> Vec<String> {
        let line = |line: &str| {
            let fields = line.split(' ').skip(1).map(|field| match field.split_once("duration_ms=") {
                Some(_) => "duration_ms=_",
                None => field,
            });
            fields.collect::<Vec<_>>().join(" ")
        };
        lines.lines().map(line).collect()
    }

    #[test]
    fn a_request_is_one_line_that_reads_from_left_to_right() {
        let lines = logged(&text(), |_| {
            let parts = request(
                "/chat?session=a&token=s3cret",
                &[("host", "gw:8443"), ("user-agent", "curl \"8\"\tx"), ("referer", "https://gw:8443/?token=s3cret")],
            );
            let mut access = AccessLog::new(&text()).request("r1", REMOTE, &parts);
            access.tls = Some("1.3");
            access.subject = Some("CN=ann,O=x y".into());
            access.status = Some(StatusCode::OK);
            access.bytes_in.insert(Counter::default()).clone().add(12);
            access.bytes_out = 3456;
            access.upstream = Some(Duration::from_micros(2340));
            access.ended = Ended::Done;
        });
        assert_eq!(
            steady(&lines),
            [concat!(
                " INFO request id=r1 client=203.0.113.5 method=GET host=gw:8443 target=/chat?session=a&token=*** protocol=h1 ",
                "tls=1.3 subject=\"CN=ann,O=x y\" status=200 bytes_in=12 bytes_out=3456 duration_ms=_ upstream_ms=2.3 ended=done from=gateway ",
                r#"referer=https://gw:8443/?token=*** user_agent="curl \"8\"\\tx""#
            )]
        );
    }

    #[test]
    fn a_request_that_frontgate_answers_names_the_failure() {
        let lines = logged(&text(), |_| {
            let client = Client { addr: None, proxy: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)) };
            let mut access = AccessLog::new(&text()).request("r2", client, &request("/", &[]));
            access.version = Version::HTTP_2;
            access.failed(StatusCode::BAD_GATEWAY, "gateway_not_running");
            access.ended = Ended::Done;
        });
        assert_eq!(
            steady(&lines),
            [concat!(
                " INFO request id=r2 client=unix peer=127.0.0.1 method=GET target=/ protocol=h2 status=502 bytes_in=0 ",
                "bytes_out=0 duration_ms=_ ended=done from=frontgate failure=gateway_not_running"
            )]
        );
    }

    #[test]
    fn the_line_of_a_client_that_vanished_is_written_once_too() {
        let lines = logged(&text(), |_| {
            let access = AccessLog::new(&text()).request("r3", REMOTE, &request("/", &[]));
            drop(async move { drop(access) });
        });
        assert_eq!(lines.lines().count(), 1);
        assert!(lines.contains("ended=client_gone"), "{lines}");
        assert!(!lines.contains("status="), "{lines}");
    }

    #[test]
    fn nothing_is_written_when_the_access_log_is_off() {
        let lines = logged(&text(), |_| {
            let off = AccessLog::new(&Log { access: false, ..text() });
            drop(off.request("r4", REMOTE, &request("/", &[])));
            off.websocket(&tunnel());
        });
        assert_eq!(lines, "");
    }

    #[test]
    fn no_secret_reaches_a_line_wherever_it_travels() {
        let secret_fields = [
            ("authorization", "Bearer s3cret"),
            ("proxy-authorization", "Basic s3cret"),
            ("cookie", "token=s3cret"),
            ("sec-websocket-protocol", "openclaw, s3cret"),
            ("referer", "https://gw/?%74oken=s3cret#access_token=s3cret"),
        ];
        for log in [text(), Log { format: LogFormat::Json, ..Log::default() }] {
            let lines = logged(&log, |_| {
                drop(AccessLog::new(&log).request("r5", REMOTE, &request("/ws?x=1&token=s3cret", &secret_fields)));
                let opening = Opening { target: "/ws?TOKEN=s3cret;x".to_owned(), ..opening() };
                AccessLog::new(&log).websocket(&Tunnel { opening: Arc::new(opening), ..tunnel() });
            });
            assert_eq!(lines.lines().count(), 2);
            assert!(!lines.contains("s3cret"), "{lines}");
        }
    }

    #[test]
    fn a_value_cannot_look_like_two_fields() {
        let lines = logged(&text(), |_| {
            let mut access = AccessLog::new(&text()).request("r6 ended=done", REMOTE, &request("/", &[]));
            access.target = "/ status=200\nforged".to_owned();
            access.host = Some(HeaderValue::from_bytes(b"a b=\xff").unwrap());
        });
        assert_eq!(lines.lines().count(), 1);
        assert!(lines.contains(r"id=r6\x20ended=done "), "{lines}");
        assert!(lines.contains(r"host=a\x20b=\xff target=/\x20status=200\nforged "), "{lines}");
    }
}
