//! [`TelemetryMetrics`]: what became of traces and metrics that are sent to a collector.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::counter;

/// What became of traces and metrics that are sent to a collector.
pub(crate) struct TelemetryMetrics {
    /// Exports of spans that the collector took.
    pub(crate) traces_sent: Counter,
    /// Those that it did not.
    pub(crate) traces_failed: Counter,
    /// Exports of metrics that the collector took.
    pub(crate) metrics_sent: Counter,
    /// Those that it did not.
    pub(crate) metrics_failed: Counter,
    /// Spans that no collector got.
    pub(crate) spans_dropped: Counter,
}

impl TelemetryMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let exports = Family::<[(&'static str, &'static str); 2], Counter>::default();
        let help = "Exports to the collector of telemetry.otlp, by signal and whether it took them";
        registry.register("telemetry_exports", help, exports.clone());
        let of = |signal, outcome| exports.get_or_create(&[("signal", signal), ("outcome", outcome)]).clone();
        let help = "Spans that the collector of telemetry.otlp did not get, since it refused them or did not keep up";
        Self {
            traces_sent: of("traces", "sent"),
            traces_failed: of("traces", "failed"),
            metrics_sent: of("metrics", "sent"),
            metrics_failed: of("metrics", "failed"),
            spans_dropped: counter(registry, "telemetry_spans_dropped", help),
        }
    }
}
