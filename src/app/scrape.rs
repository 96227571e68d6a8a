//! The gauges of `/metrics`, read when it is asked for; counters are incremented where the events happen.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use super::reload::Reloader;
use crate::http::proxy::websockets::SideTotals;
use crate::observe::metrics::{WebSocketSideMetrics, set};
use crate::platform::{open_files, process};
use prometheus_client::metrics::gauge::Gauge;

/// The text of `/metrics`.
pub(super) fn text(reloader: &Reloader, ready: bool, uptime: Duration) -> String {
    let _turn = reloader.scraping.lock().unwrap_or_else(PoisonError::into_inner);
    let metrics = &reloader.metrics;
    level(&metrics.connections.open, reloader.admission.connections());
    level(&metrics.websockets.open, reloader.websockets.count());
    level(&metrics.websockets.open_before, reloader.websockets.count());
    set(&metrics.websockets.opened, reloader.websockets.opened());
    let totals = reloader.websockets.totals();
    metrics.websockets.idle.clear();
    reloader.websockets.idle_times(|time| metrics.websockets.idle.time(time));
    level(&metrics.auth.sessions, reloader.logins.count());
    level(&metrics.requests.in_flight, reloader.permits.requests());
    // While a reload is under way, the gateways and the certificate keep their last values.
    if let Some(samples) = reloader.gateway_samples() {
        metrics.upstream.show(&samples);
    }
    if let Some(samples) = reloader.name_samples() {
        metrics.gateway_names.show(&samples);
    }
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
    let usual = &process.usual;
    // A number that the kernel does not give stays at zero.
    for (both, value) in [
        ([&process.files, &usual.files], process::open_files().and_then(|files| u64::try_from(files).ok())),
        ([&process.files_most, &usual.files_most], open_files::most()),
        ([&process.memory, &usual.memory], process::memory()),
    ] {
        for gauge in both {
            level(gauge, value.unwrap_or_default());
        }
    }
    level(&process.memory_most, reloader.memory);
    process.cpu.inner().store(process::cpu().as_secs_f64().to_bits(), Ordering::Relaxed);
    process.started.set(started(uptime));
    process.busy(&reloader.workers.busy());
    if let Some((begin, end)) = reloader.certificate_life() {
        level(&process.certificate_begin, begin.unix_timestamp());
        level(&process.certificate_end, end.unix_timestamp());
    }
    metrics.text()
}

/// When a process started that has run for `uptime`, in seconds since 1970.
fn started(uptime: Duration) -> f64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(uptime).as_secs_f64()
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
