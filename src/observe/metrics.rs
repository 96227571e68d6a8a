//! [`Metrics`]: every number that `/metrics` shows, in the text format of `OpenMetrics`.
//!
//! Names begin with `frontgate_`, but for a few that exporters of every kind call `process_…`. The values of every label
//! are written in the program or in the configuration: a client cannot choose one. Events are counted where they happen,
//! with atomic additions; levels (connections, files) are looked up when a scraper asks for `/metrics`, and so are the
//! counts of WebSockets, which their relays keep.

mod acme;
mod auth;
mod cluster;
mod connections;
mod gateway_names;
mod histogram;
mod process;
mod relay;
mod requests;
#[cfg(feature = "otlp")]
mod telemetry;
mod upstream;
mod websockets;

use std::fmt;
use std::sync::atomic::Ordering;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::recent_ends::RecentEnds;

pub(crate) use acme::{AcmeFault, AcmeMetrics};
pub(crate) use auth::{AuthMetrics, CountedProof, CountedStanding, IssuerLogin, ProofOutcome};
pub(crate) use cluster::ClusterMetrics;
#[cfg(test)]
pub(crate) use connections::HANDSHAKE_FAILURES;
pub(crate) use connections::{ConnectionMetrics, ServedGuard, TlsHandshake};
pub(crate) use gateway_names::{GatewayNameMetrics, NameSample};
pub(crate) use histogram::{BucketCounts, Histogram, REQUEST_TIMES};
pub(crate) use process::{ProcessMetrics, ReloadMetrics};
pub use relay::DirectionCounts;
pub(crate) use relay::{FrameKind, MessageKind, RelayCounts};
pub(crate) use requests::{EndedRequest, RequestMetrics, RouteRequests};
pub(crate) use upstream::{EndpointSample, UpstreamMetrics};
pub(crate) use websockets::{EndedWebSocket, HandshakeOutcome, WebSocketMetrics, WebSocketSideMetrics};

/// Every metric that `/metrics` shows.
pub(crate) struct Metrics {
    registry: Registry,
    /// The metrics whose names do not begin with `frontgate_`.
    usual: Registry,
    /// Requests and their answers.
    pub(crate) requests: RequestMetrics,
    /// Clients' connections.
    pub(crate) connections: ConnectionMetrics,
    /// WebSockets and their traffic.
    pub(crate) websockets: WebSocketMetrics,
    /// The gateways, and requests that wait for them.
    pub(crate) upstream: UpstreamMetrics,
    /// The names that stand for several gateways.
    pub(crate) gateway_names: GatewayNameMetrics,
    /// Logins.
    pub(crate) auth: AuthMetrics,
    /// Orders of public certificates.
    pub(crate) acme: AcmeMetrics,
    /// What replicas share.
    pub(crate) cluster: ClusterMetrics,
    /// What is sent to a collector.
    #[cfg(feature = "otlp")]
    pub(crate) telemetry: telemetry::TelemetryMetrics,
    /// Reloads.
    pub(crate) reloads: ReloadMetrics,
    /// The process as a whole.
    pub(crate) process: ProcessMetrics,
    /// The WebSockets that ended last; no scrape shows them.
    pub(crate) recent_ends: RecentEnds,
}

type MetricLabel = [(&'static str, &'static str); 1];

impl Metrics {
    /// Metrics that are all zero.
    pub(crate) fn new() -> Self {
        let (mut registry, mut usual) = (Registry::with_prefix("frontgate"), Registry::default());
        registry.register("build", "Which frontgate this is", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        Self {
            requests: RequestMetrics::new(&mut registry),
            connections: ConnectionMetrics::new(&mut registry),
            websockets: WebSocketMetrics::new(&mut registry),
            upstream: UpstreamMetrics::new(&mut registry),
            gateway_names: GatewayNameMetrics::new(&mut registry),
            auth: AuthMetrics::new(&mut registry),
            acme: AcmeMetrics::new(&mut registry),
            cluster: ClusterMetrics::new(&mut registry),
            #[cfg(feature = "otlp")]
            telemetry: telemetry::TelemetryMetrics::new(&mut registry),
            reloads: ReloadMetrics::new(&mut registry),
            process: ProcessMetrics::new(&mut registry, &mut usual),
            recent_ends: RecentEnds::default(),
            registry,
            usual,
        }
    }

    /// The text of `/metrics`, of the type [`CONTENT_TYPE`].
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode_registry(&mut text, &self.registry)
            .and_then(|()| encode_registry(&mut text, &self.usual))
            .and_then(|()| encode_eof(&mut text));
        text
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The value of a series, by its name and labels.
    pub(crate) fn value(metrics: &Metrics, name: &str) -> Option<String> {
        let text = metrics.text();
        text.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).map(str::to_owned)
    }

    #[test]
    fn every_name_is_ours_or_usual_and_has_a_help_and_the_text_ends() {
        let metrics = Metrics::new();
        let text = metrics.text();
        assert!(text.ends_with("# EOF\n"));
        let families = text.lines().filter(|line| line.starts_with("# TYPE ")).count();
        let helps = text.lines().filter(|line| line.starts_with("# HELP ")).count();
        assert!(families > 40 && families == helps, "{families} {helps}");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.starts_with("frontgate_") || line.starts_with("process_"), "{line}");
        }
        let version = format!("frontgate_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
        assert_eq!(value(&metrics, &version).as_deref(), Some("1"));
    }
}
