//! What `telemetry` asks for: the queue of spans, and the thread on which they and the metrics are sent.

use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::time::timeout;

use super::certificates::off_thread;
use super::error::StartError;
use crate::config::Config;
use crate::drain::Drain;
use crate::listener::NameResolver;
use crate::observe::Metrics;
use crate::observe::otlp::{Collector, Exporter, LAST, QueuedSpans, SpanQueue};
use crate::server::runtime_thread::RuntimeThread;
use crate::tls::{ClientTls, client_config};

/// What sends traces and metrics to a collector, or will.
pub(super) struct Telemetry(Option<Sending>);

struct Sending {
    spans: SpanQueue,
    /// What sends them, until it does.
    planned: Option<(Collector, QueuedSpans, Arc<Metrics>)>,
    thread: RuntimeThread,
    /// Of its own: what clients did last is sent when they have gone.
    drain: Drain,
}

impl Telemetry {
    /// Gets ready for what `config` asks for. Spans count in `metrics`.
    ///
    /// # Errors
    /// The collector cannot be verified, or there is no thread to send on.
    pub(super) async fn plan(
        config: &Config,
        names: &NameResolver,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, StartError> {
        let Some(url) = config.telemetry.otlp.clone() else { return Ok(Self(None)) };
        let tls = if url.tls {
            let host = url.host.clone();
            let verified = move || {
                let known = ClientTls::default();
                Ok::<_, StartError>((client_config(&known)?, known.server_name(&host)?))
            };
            Some(off_thread(verified).await?)
        } else {
            None
        };
        let names = names.clone();
        let look_up = Arc::new(move |host: String| {
            let names = names.clone();
            async move { names.find(&host).await }.boxed()
        });
        let (spans, queued) = SpanQueue::new(metrics);
        let planned = Some((Collector { url, tls, look_up }, queued, Arc::clone(metrics)));
        let thread = RuntimeThread::start("telemetry").map_err(StartError::TelemetryThread)?;
        Ok(Self(Some(Sending { spans, planned, thread, drain: Drain::new() })))
    }

    /// Where spans go.
    pub(super) fn spans(&self) -> Option<SpanQueue> {
        self.0.as_ref().map(|sending| sending.spans.clone())
    }

    /// Begins to send; `scrape` gives the text of `/metrics`.
    pub(super) fn start(&mut self, scrape: impl Fn() -> String + Send + Sync + 'static) {
        let Some(sending) = &mut self.0 else { return };
        let Some((collector, queued, metrics)) = sending.planned.take() else { return };
        let exporter = Exporter::new(collector, queued, metrics, scrape);
        sending.drain.spawn_on(sending.thread.runtime(), exporter.run(sending.drain.clone()));
    }

    /// Sends what there is, for a limited time, and ends.
    pub(super) async fn finish(&self) {
        let Some(sending) = &self.0 else { return };
        sending.drain.soften();
        let _ = timeout(LAST + LAST / 4, sending.drain.ended()).await;
        sending.drain.harden();
    }
}
