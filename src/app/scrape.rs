//! The gauges of `/metrics`, read when it is asked for; counters are incremented where the events happen.

use std::time::Duration;

use super::reload::Reloader;
use crate::http::proxy::websockets::SideTotals;
use crate::observe::metrics::{WebSocketSideMetrics, set};
use crate::observe::process;
use prometheus_client::metrics::gauge::Gauge;

/// The text of `/metrics`.
pub(super) fn text(reloader: &Reloader, ready: bool, uptime: Duration) -> String {
    let metrics = &reloader.metrics;
    level(&metrics.connections.open, reloader.admission.connections());
    level(&metrics.websockets.open, reloader.websockets.count());
    set(&metrics.websockets.opened, reloader.websockets.opened());
    let totals = reloader.websockets.totals();
    sum(&metrics.websockets.client, &totals.client);
    sum(&metrics.websockets.gateway, &totals.gateway);
    let process = &metrics.process;
    level(&process.ready, ready);
    level(&process.uptime, uptime.as_secs());
    level(&process.tasks, reloader.tasks());
    if let Some(logging) = reloader.logging() {
        set(&process.log_lines_dropped, logging.dropped());
        set(&process.library_warnings, logging.library_warnings());
    }
    // A number that the kernel does not give stays at zero.
    level(&process.files, process::open_files().unwrap_or_default());
    level(&process.files_most, process::most_open_files().unwrap_or_default());
    level(&process.memory, process::memory().unwrap_or_default());
    // While a reload is under way, the gauge keeps its last value.
    if let Some(end) = reloader.certificate_end() {
        level(&process.certificate_end, end.unix_timestamp());
    }
    metrics.text()
}

fn level<T>(gauge: &Gauge, value: T)
where
    i64: TryFrom<T>,
{
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}

fn sum(side: &WebSocketSideMetrics, total: &SideTotals) {
    let SideTotals { frames, messages, bytes, pings, round_trips, took } = *total;
    set(&side.frames, frames);
    set(&side.messages, messages);
    set(&side.bytes, bytes);
    set(&side.pings, pings);
    set(&side.round_trips, round_trips);
    let seconds = took.as_secs_f64().to_bits();
    side.round_trip_seconds.inner().store(seconds, std::sync::atomic::Ordering::Relaxed);
}
