//! [`AccessLog`]: writes access lines, or only counts their requests, and redacts secrets in them.

use std::sync::Arc;

use http::header::{HOST, HeaderName, REFERER, USER_AGENT};
use http::request;
use tokio::time::Instant;

use super::{AccessLine, AnsweredBy, LoggedClient, RequestEnd};
use crate::config::Log;
use crate::observe::metrics::Metrics;
use crate::observe::otlp::SpanQueue;
use crate::observe::redact::Redactor;

/// Writes access lines, or only counts their requests, and redacts secrets in them. Cheap to clone; every request holds
/// one.
#[derive(Debug, Clone)]
pub(crate) struct AccessLog {
    /// Hides secrets in lines and spans; `None` where there are neither.
    pub(in crate::observe) redactor: Option<Arc<Redactor>>,
    /// Whether lines are written.
    pub(in crate::observe) writes: bool,
    /// Where spans go.
    pub(in crate::observe) spans: Option<SpanQueue>,
    pub(super) metrics: Arc<Metrics>,
    /// One request in so many that went well has a line.
    pub(super) sample: u32,
}

impl AccessLog {
    /// A log with the settings of the `log` section.
    pub(crate) fn new(log: &Log) -> Self {
        let redactor = log.access.then(|| Arc::new(Redactor::new(&log.redact)));
        Self { redactor, writes: log.access, spans: None, metrics: Arc::default(), sample: log.sample }
    }

    /// The same log, with which each request and each WebSocket is also a span, even when no line is written; `log` is the one
    /// that it was made with.
    #[must_use]
    pub(crate) fn tracing(self, spans: Option<SpanQueue>, log: &Log) -> Self {
        let redactor = self.redactor.or_else(|| spans.is_some().then(|| Arc::new(Redactor::new(&log.redact))));
        Self { redactor, spans, ..self }
    }

    /// Whether requests are spans.
    pub(crate) fn has_spans(&self) -> bool {
        self.spans.is_some()
    }

    /// The same log, which also counts each request in `metrics`, even when no line is written.
    #[must_use]
    pub(crate) fn counting(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics, ..self }
    }

    /// The metrics that its requests count in.
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Begins a request's line; it is written when the value is dropped. Fields that only lines and spans need are not
    /// copied when there are none.
    pub(crate) fn request(&self, id: &str, client: LoggedClient, request: &request::Parts) -> Box<AccessLine> {
        let is_on = self.redactor.is_some();
        let text = |text: &str| if is_on { text.to_owned() } else { String::new() };
        let field = |name: HeaderName| is_on.then(|| request.headers.get(name)).flatten().cloned();
        let authority = || is_on.then(|| request.uri.authority()?.as_str().parse().ok()).flatten();
        Box::new(AccessLine {
            log: self.clone(),
            began: Instant::now(),
            id: text(id),
            connection: 0,
            trace: None,
            span: None,
            client,
            method: request.method.clone(),
            host: field(HOST).or_else(authority),
            target: request.uri.path_and_query().map_or_else(String::new, |target| text(target.as_str())),
            version: request.version,
            tls: None,
            subject: None,
            user: None,
            route: None,
            counted_route: None,
            is_handshake: false,
            gateway: None,
            status: None,
            first_byte: None,
            bytes_in: None,
            bytes_out: 0,
            held: None,
            upstream: None,
            user_agent: field(USER_AGENT),
            referer: field(REFERER),
            answered_by: AnsweredBy::Gateway,
            failure: None,
            ended: RequestEnd::ClientGone,
        })
    }
}
