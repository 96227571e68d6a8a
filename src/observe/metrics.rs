//! [`Metrics`]: every number that `/metrics` shows, in the text format of `OpenMetrics`.
//!
//! Names begin with `frontgate_`. The values of every label are written here: a client cannot choose one. Events are
//! counted where they happen, with one atomic addition; levels (connections, files) are looked up when a scraper asks
//! for `/metrics`, and so are the counts of WebSockets, which their relays keep.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use http::StatusCode;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// Every metric that `/metrics` shows.
pub(crate) struct Metrics {
    registry: Registry,
    /// Requests and their answers.
    pub(crate) requests: RequestMetrics,
    /// Clients' connections.
    pub(crate) connections: ConnectionMetrics,
    /// WebSockets and their traffic.
    pub(crate) websockets: WebSocketMetrics,
    /// Requests that wait for the gateway, and connections to it.
    pub(crate) upstream: UpstreamMetrics,
    /// Reloads.
    pub(crate) reloads: ReloadMetrics,
    /// The process as a whole.
    pub(crate) process: ProcessMetrics,
}

/// Requests and their answers; an upgrade is one, too.
pub(crate) struct RequestMetrics {
    /// Requests by the first digit of their status, and those that ended without one.
    by_class: [Counter; 6],
    /// Requests that were refused because the limit of requests under way was reached.
    pub(crate) refused: Counter,
    received: Counter,
    sent: Counter,
}

/// Clients' connections.
pub(crate) struct ConnectionMetrics {
    /// How many are open.
    pub(crate) open: Gauge,
    /// How many were accepted.
    pub(crate) accepted: Counter,
    /// How many were closed because the client had reached its limit.
    pub(crate) refused: Counter,
    /// How many ended in their TLS handshake or PROXY header.
    pub(crate) unfinished: Counter,
    /// How many could not be accepted, for want of files or memory.
    pub(crate) failed: Counter,
}

/// WebSockets and their traffic.
pub(crate) struct WebSocketMetrics {
    /// How many are open.
    pub(crate) open: Gauge,
    /// How many were opened.
    pub(crate) opened: Counter,
    ended: Family<MetricLabel, Counter>,
    /// Traffic from clients, and pings to them.
    pub(crate) client: WebSocketSideMetrics,
    /// Traffic from gateways, and pings to them.
    pub(crate) gateway: WebSocketSideMetrics,
}

/// The traffic of one side of all WebSockets.
pub(crate) struct WebSocketSideMetrics {
    /// Frames that came from this side.
    pub(crate) frames: Counter,
    /// Messages that came from this side.
    pub(crate) messages: Counter,
    /// Bytes that came from this side.
    pub(crate) bytes: Counter,
    /// Pings that frontgate sent to this side.
    pub(crate) pings: Counter,
    /// Round trips of those pings that were measured.
    pub(crate) round_trips: Counter,
    /// The sum of those round trips in seconds.
    pub(crate) round_trip_seconds: Counter<f64, AtomicU64>,
}

/// Requests that wait for the gateway, and connections to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct UpstreamMetrics {
    /// Requests and upgrades that wait for the gateway now.
    pub(crate) waiting: Gauge,
    /// How many waited and then passed.
    pub(crate) passed: Counter,
    /// How many waited in vain.
    pub(crate) gave_up: Counter,
    failed: Family<MetricLabel, Counter>,
}

/// Reloads.
pub(crate) struct ReloadMetrics {
    /// How many were taken over.
    pub(crate) done: Counter,
    /// How many were refused.
    pub(crate) refused: Counter,
    /// 1 while a changed file waits for confirmation, since it would lower guards.
    pub(crate) waiting: Gauge,
}

/// The process as a whole.
pub(crate) struct ProcessMetrics {
    /// 1 when clients should come.
    pub(crate) ready: Gauge,
    /// Seconds since the start.
    pub(crate) uptime: Gauge,
    /// How many files are open.
    pub(crate) files: Gauge,
    /// How many files may be open.
    pub(crate) files_most: Gauge,
    /// Bytes of memory in use.
    pub(crate) memory: Gauge,
    /// How many tasks run, connections included.
    pub(crate) tasks: Gauge,
    /// Log lines that were dropped because the output did not take them in time.
    pub(crate) log_lines_dropped: Counter,
    /// Warnings of libraries, logged or not.
    pub(crate) library_warnings: Counter,
    /// When the first of the shown certificates expires, in seconds since 1970.
    pub(crate) certificate_end: Gauge,
}

type MetricLabel = [(&'static str, &'static str); 1];

impl Metrics {
    /// Metrics that are all zero.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("frontgate");
        registry.register("build", "Which frontgate this is", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        Self {
            requests: RequestMetrics::new(&mut registry),
            connections: ConnectionMetrics::new(&mut registry),
            websockets: WebSocketMetrics::new(&mut registry),
            upstream: UpstreamMetrics::new(&mut registry),
            reloads: ReloadMetrics::new(&mut registry),
            process: ProcessMetrics::new(&mut registry),
            registry,
        }
    }

    /// The text of `/metrics`, of the type [`CONTENT_TYPE`].
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl RequestMetrics {
    fn new(registry: &mut Registry) -> Self {
        let family = Family::<MetricLabel, Counter>::default();
        registry.register("requests", "Requests, by the class of the status they were answered with", family.clone());
        let by_class = CLASSES.map(|class| family.get_or_create_owned(&[("status", class)]));
        Self {
            by_class,
            refused: counter(
                registry,
                "requests_refused",
                "Requests over limits.requests or limits.requests_per_client",
            ),
            received: counter(registry, "request_body_bytes", "Bytes of the bodies of requests"),
            sent: counter(registry, "response_body_bytes", "Bytes of the bodies of answers"),
        }
    }

    /// Counts a request that has ended, with its status if it was answered at all, and the bytes of both bodies.
    pub(crate) fn ended(&self, status: Option<StatusCode>, received: u64, sent: u64) {
        let class = status.map_or(0, |status| usize::from(status.as_u16() / 100));
        self.by_class.get(class).unwrap_or(&self.by_class[0]).inc();
        self.received.inc_by(received);
        self.sent.inc_by(sent);
    }
}

impl ConnectionMetrics {
    fn new(registry: &mut Registry) -> Self {
        Self {
            open: gauge(registry, "connections", "Connections of clients, those with a WebSocket included"),
            accepted: counter(registry, "connections_accepted", "Connections that were accepted"),
            refused: counter(registry, "connections_refused", "Connections over limits.connections_per_client"),
            unfinished: counter(
                registry,
                "connections_unfinished",
                "Connections that ended in their TLS handshake or PROXY header",
            ),
            failed: counter(
                registry,
                "accept_failures",
                "Failures to accept a connection, for want of files or memory",
            ),
        }
    }
}

impl WebSocketMetrics {
    fn new(registry: &mut Registry) -> Self {
        let ended = Family::default();
        let open = gauge(registry, "websockets", "WebSockets that are open");
        let opened = counter(registry, "websockets_opened", "WebSockets that were opened");
        registry.register("websockets_ended", "WebSockets that have ended, by what ended them", ended.clone());
        let frames =
            family(registry, "websocket_frames", "Frames that were passed on, by the peer that they came from");
        let messages =
            family(registry, "websocket_messages", "Messages that were passed on, by the peer that they came from");
        let bytes = family(registry, "websocket_bytes", "Bytes that were passed on, by the peer that they came from");
        let pings = family(registry, "websocket_pings", "Pings of frontgate's own, by the peer that they went to");
        let trips = family(registry, "websocket_round_trips", "Answers to pings of frontgate's own");
        let seconds = Family::<MetricLabel, Counter<f64, AtomicU64>>::default();
        registry.register("websocket_round_trip_seconds", "Seconds from those pings to their answers", seconds.clone());
        let side = |side| WebSocketSideMetrics {
            frames: frames.get_or_create_owned(&[("from", side)]),
            messages: messages.get_or_create_owned(&[("from", side)]),
            bytes: bytes.get_or_create_owned(&[("from", side)]),
            pings: pings.get_or_create_owned(&[("to", side)]),
            round_trips: trips.get_or_create_owned(&[("to", side)]),
            round_trip_seconds: seconds.get_or_create_owned(&[("to", side)]),
        };
        Self { open, opened, ended, client: side("client"), gateway: side("gateway") }
    }

    /// Counts a WebSocket that has ended: `how` is the name of an ending.
    pub(crate) fn ended(&self, how: &'static str) {
        self.ended.get_or_create(&[("ended", how)]).inc();
    }
}

impl UpstreamMetrics {
    fn new(registry: &mut Registry) -> Self {
        let all = Self {
            waiting: gauge(registry, "hold_waiting", "Requests and WebSockets that wait for a gateway that is down"),
            passed: counter(registry, "hold_passed", "Requests and WebSockets that waited and passed"),
            gave_up: counter(registry, "hold_gave_up", "Requests and WebSockets that waited in vain"),
            failed: Family::default(),
        };
        let help = "Connections to a gateway that failed, by why; those of frontgate's own questions included";
        registry.register("upstream_connect_failures", help, all.failed.clone());
        all
    }

    /// Declares the words that [`UpstreamMetrics::failed`] may get, so that they are shown from the beginning.
    pub(crate) fn may_fail(&self, whys: &[&'static str]) {
        for why in whys {
            drop(self.failed.get_or_create(&[("why", *why)]));
        }
    }

    /// Counts a connection that was not made: `why` is one word.
    pub(crate) fn failed(&self, why: &'static str) {
        self.failed.get_or_create(&[("why", why)]).inc();
    }
}

impl ReloadMetrics {
    fn new(registry: &mut Registry) -> Self {
        let reloads =
            family(registry, "reloads", "Configurations that were read again, and whether they were taken over");
        Self {
            done: reloads.get_or_create_owned(&[("outcome", "done")]),
            refused: reloads.get_or_create_owned(&[("outcome", "refused")]),
            waiting: gauge(
                registry,
                "reload_waiting",
                "1 while a change of the configuration waits for an operator, since it would lower guards",
            ),
        }
    }
}

impl ProcessMetrics {
    fn new(registry: &mut Registry) -> Self {
        let end = "When the first of the certificates that are shown ends, in seconds since 1970; 0 without one";
        Self {
            ready: gauge(registry, "ready", "1 when clients should come, as /readyz says"),
            uptime: gauge(registry, "uptime_seconds", "Seconds since the start"),
            files: gauge(registry, "open_files", "Open files, connections included"),
            files_most: gauge(registry, "max_open_files", "How many files may be open"),
            memory: gauge(registry, "resident_memory_bytes", "Memory in use"),
            tasks: gauge(registry, "tasks", "Tasks, connections among them"),
            log_lines_dropped: counter(
                registry,
                "log_lines_dropped",
                "Log lines that were dropped because whatever reads them did not keep up",
            ),
            library_warnings: counter(
                registry,
                "library_warnings",
                "Warnings of libraries, of which the same is a log line once a minute",
            ),
            certificate_end: gauge(registry, "certificate_expiry_timestamp_seconds", end),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Sets a counter that is summed up elsewhere.
pub(crate) fn set(counter: &Counter, total: u64) {
    counter.inner().store(total, Ordering::Relaxed);
}

fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter {
    let counter = Counter::default();
    registry.register(name, help, counter.clone());
    counter
}

fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge {
    let gauge = Gauge::default();
    registry.register(name, help, gauge.clone());
    gauge
}

fn family(registry: &mut Registry, name: &str, help: &str) -> Family<MetricLabel, Counter> {
    let family = Family::default();
    registry.register(name, help, family.clone());
    family
}

/// The media type of [`Metrics::text`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The label of requests without an answer, and the labels for the first digit of the others.
const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

#[cfg(test)]
mod tests {
    use super::*;

    fn value(metrics: &Metrics, name: &str) -> Option<String> {
        let text = metrics.text();
        text.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).map(str::to_owned)
    }

    #[test]
    fn requests_count_by_the_class_of_their_status() {
        let metrics = Metrics::new();
        for status in [101, 200, 204, 304, 404, 599] {
            metrics.requests.ended(StatusCode::from_u16(status).ok(), 10, 1);
        }
        metrics.requests.ended(StatusCode::from_u16(999).ok(), 0, 0);
        metrics.requests.ended(None, 0, 0);
        let count = |class| value(&metrics, &format!("frontgate_requests_total{{status=\"{class}\"}}")).unwrap();
        assert_eq!(["none", "1xx", "2xx", "3xx", "4xx", "5xx"].map(count), ["2", "1", "2", "1", "1", "1"]);
        assert_eq!(value(&metrics, "frontgate_request_body_bytes_total").as_deref(), Some("60"));
        assert_eq!(value(&metrics, "frontgate_response_body_bytes_total").as_deref(), Some("6"));
    }

    #[test]
    fn every_name_is_ours_and_has_a_help_and_the_text_ends() {
        let metrics = Metrics::new();
        metrics.websockets.ended("client_closed");
        metrics.upstream.failed("refused");
        let text = metrics.text();
        assert!(text.ends_with("# EOF\n"));
        let families = text.lines().filter(|line| line.starts_with("# TYPE ")).count();
        let helps = text.lines().filter(|line| line.starts_with("# HELP ")).count();
        assert!(families > 25 && families == helps, "{families} {helps}");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.starts_with("frontgate_"), "{line}");
        }
        let version = format!("frontgate_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
        assert_eq!(value(&metrics, &version).as_deref(), Some("1"));
    }
}
