//! [`SpanQueue`]: where spans wait, in a fixed number of places.

use std::sync::Arc;

use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::sync::{Notify, mpsc};

use crate::observe::metrics::Metrics;

/// Where the spans of requests and WebSockets go that have ended. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct SpanQueue {
    to: mpsc::Sender<Span>,
    metrics: Arc<Metrics>,
    /// Wakes the exporter, which otherwise looks now and then.
    half_full: Arc<Notify>,
}

/// The other end of a [`SpanQueue`].
#[derive(Debug)]
pub(crate) struct QueuedSpans {
    pub(super) from: mpsc::Receiver<Span>,
    pub(super) half_full: Arc<Notify>,
}

impl SpanQueue {
    /// A queue whose losses count in `metrics`.
    pub(crate) fn new(metrics: &Arc<Metrics>) -> (Self, QueuedSpans) {
        let ((to, from), half_full) = (mpsc::channel(MOST), Arc::<Notify>::default());
        let spans = QueuedSpans { from, half_full: Arc::clone(&half_full) };
        (Self { to, metrics: Arc::clone(metrics), half_full }, spans)
    }

    /// Never waits. A span is made only if there is room for it.
    pub(super) fn put(&self, make: impl FnOnce() -> Option<Span>) {
        let Ok(place) = self.to.try_reserve() else {
            self.metrics.telemetry.spans_dropped.inc();
            return;
        };
        if let Some(span) = make() {
            place.send(span);
        }
        if self.to.capacity() == MOST / 2 {
            self.half_full.notify_one();
        }
    }
}

/// Spans that wait: with 2 KB each some megabytes, and a few seconds of a busy proxy (the specification's default, too).
pub(super) const MOST: usize = 2048;
