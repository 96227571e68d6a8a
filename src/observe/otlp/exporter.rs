//! [`Exporter`]: the task that sends spans and metrics.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::metrics::v1::{ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use tokio::time::{Instant, sleep, timeout};

use super::attributes::{resource, scope};
use super::collector::{Collector, ExportError};
use super::families;
use super::pause::Pause;
use super::queue::QueuedSpans;
use crate::drain::Drain;
use crate::observe::Metrics;
use crate::observe::log_rate_limit::LogRateLimit;

/// Sends spans and metrics to a collector, one export at a time.
pub(crate) struct Exporter {
    collector: Collector,
    spans: QueuedSpans,
    /// The text of `/metrics`.
    scrape: Box<dyn Fn() -> String + Send + Sync>,
    metrics: Arc<Metrics>,
    began: SystemTime,
    instance: u128,
    /// A batch that is under way, or that waits for the collector to come back.
    unsent: Option<Batch>,
    pause: Pause,
    metrics_due: Instant,
    lines: LogRateLimit,
}

/// Spans as they are sent.
struct Batch {
    message: Bytes,
    count: u64,
}

impl Exporter {
    /// Sends the spans of a queue, and what `scrape` gives.
    pub(crate) fn new(
        collector: Collector,
        spans: QueuedSpans,
        metrics: Arc<Metrics>,
        scrape: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        Self {
            collector,
            spans,
            scrape: Box::new(scrape),
            metrics,
            began: SystemTime::now(),
            instance: fastrand::u128(..),
            unsent: None,
            pause: Pause::default(),
            metrics_due: Instant::now(),
            lines: LogRateLimit::default(),
        }
    }

    /// Sends until the soft signal, and then what there is, within [`LAST`].
    pub(crate) async fn run(mut self, drain: Drain) {
        let half_full = Arc::clone(&self.spans.half_full);
        loop {
            tokio::select! {
                biased;
                () = drain.soft() => break,
                () = self.turn() => {}
            }
            tokio::select! {
                biased;
                () = drain.soft() => break,
                () = half_full.notified() => {}
                () = sleep(EVERY) => {}
            }
        }
        tokio::select! {
            () = drain.hard() => {}
            _ = timeout(LAST, self.last()) => {}
        }
        let left = self.unsent.as_ref().map_or(0, |batch| batch.count) + self.spans.from.len() as u64;
        self.lose(left, "the process ends");
    }

    /// Sends what is due.
    async fn turn(&mut self) {
        while !self.pause.is_on(Instant::now()) && self.has_batch() {
            self.send_batch().await;
        }
        if !self.pause.is_on(Instant::now()) && Instant::now() >= self.metrics_due {
            self.metrics_due = Instant::now() + METRICS_EVERY;
            self.send_metrics().await;
        }
    }

    /// Sends all there is once, whether the collector was there or not.
    async fn last(&mut self) {
        self.pause.end();
        while !self.pause.is_on(Instant::now()) && self.has_batch() {
            self.send_batch().await;
        }
        if !self.pause.is_on(Instant::now()) {
            self.send_metrics().await;
        }
    }

    /// Makes a batch of the spans that wait, unless there is one; whether there is one then.
    fn has_batch(&mut self) -> bool {
        if self.unsent.is_none() {
            let spans: Vec<Span> = std::iter::from_fn(|| self.spans.from.try_recv().ok()).take(BATCH).collect();
            self.unsent = (!spans.is_empty()).then(|| self.batch(spans));
        }
        self.unsent.is_some()
    }

    fn batch(&self, spans: Vec<Span>) -> Batch {
        let count = spans.len() as u64;
        let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, ..ScopeSpans::default() }];
        let resource = Some(resource(self.instance));
        let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
        Batch { message: ExportTraceServiceRequest { resource_spans }.encode_to_vec().into(), count }
    }

    async fn send_batch(&mut self) {
        // It stays until its end is known: this may be called off.
        let Some(Batch { message, count }) = &self.unsent else { return };
        let (message, count) = (message.clone(), *count);
        let answer = self.collector.export("/v1/traces", message).await;
        let answer =
            answer.and_then(|bytes| ExportTraceServiceResponse::decode(bytes).map_err(|_| ExportError::NotOtlp));
        match &answer {
            Err(error) if error.may_pass_later() => {}
            _ => self.unsent = None,
        }
        match answer {
            Ok(answer) => {
                self.pause.end();
                self.metrics.telemetry.traces_sent.inc();
                if let Some(rejected) = answer.partial_success.filter(|partial| partial.rejected_spans > 0) {
                    self.lose(u64::try_from(rejected.rejected_spans).unwrap_or_default(), "the collector rejects them");
                }
            }
            Err(error) => {
                self.metrics.telemetry.traces_failed.inc();
                self.failed("traces", &error);
                if !error.may_pass_later() {
                    self.lose(count, "the collector refuses them");
                }
            }
        }
    }

    async fn send_metrics(&mut self) {
        let metrics = families::read(&(self.scrape)(), self.began, SystemTime::now());
        let scope_metrics = vec![ScopeMetrics { scope: Some(scope()), metrics, ..ScopeMetrics::default() }];
        let resource = Some(resource(self.instance));
        let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() }];
        let message = ExportMetricsServiceRequest { resource_metrics }.encode_to_vec();
        let answer = self.collector.export("/v1/metrics", message.into()).await;
        match answer.and_then(|bytes| ExportMetricsServiceResponse::decode(bytes).map_err(|_| ExportError::NotOtlp)) {
            Ok(_) => {
                self.pause.end();
                self.metrics.telemetry.metrics_sent.inc();
            }
            // The next export has newer numbers.
            Err(error) => {
                self.metrics.telemetry.metrics_failed.inc();
                self.failed("metrics", &error);
            }
        }
    }

    fn failed(&mut self, signal: &'static str, error: &ExportError) {
        if error.may_pass_later() {
            self.pause.begin(Instant::now(), error.retry_after());
        }
        if let Some(kept_back) = self.lines.pass(signal, Instant::now()) {
            let dropped = self.metrics.telemetry.spans_dropped.get();
            tracing::warn!(collector = %self.collector.url, signal, %error, kept_back, spans_dropped = dropped, "{NOT_EXPORTED}");
        }
    }

    /// Counts spans that no collector will get.
    fn lose(&mut self, count: u64, why: &'static str) {
        if count == 0 {
            return;
        }
        self.metrics.telemetry.spans_dropped.inc_by(count);
        if self.lines.pass(why, Instant::now()).is_some() {
            tracing::warn!(collector = %self.collector.url, spans = count, why, "spans are dropped");
        }
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter").field("collector", &self.collector).finish_non_exhaustive()
    }
}

const NOT_EXPORTED: &str = "the collector of `telemetry.otlp` takes nothing; clients are served all the same";
/// How often spans are looked for, unless they become many.
const EVERY: Duration = Duration::from_secs(1);
/// How often metrics are sent, the first time at once (the specification's default).
const METRICS_EVERY: Duration = Duration::from_mins(1);
/// Spans in one export (the specification's default).
const BATCH: usize = 512;
/// How long the last export may take.
pub(crate) const LAST: Duration = Duration::from_secs(2);
