//! [`ConnectionMetrics`]: clients' connections, and their TLS handshakes.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::histogram::{Histogram, REQUEST_TIMES};
use super::{MetricLabel, counter, gauge};

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
    served: Family<ServedLabels, Gauge>,
    handshakes: Family<HandshakeLabels, Counter>,
    failures: Family<MetricLabel, Counter>,
    took: Histogram,
}

/// The labels of a connection that is served.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServedLabels {
    /// The listener's address as the configuration has it.
    listener: Arc<str>,
    protocol: &'static str,
}

/// The labels of a TLS handshake that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HandshakeLabels {
    version: &'static str,
    key_exchange: &'static str,
    resumed: &'static str,
}

/// A TLS handshake that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TlsHandshake {
    /// The TLS version, `1.2` or `1.3`.
    pub(crate) version: &'static str,
    /// The name of the key exchange group, one of [`KEY_EXCHANGES`]; anything else counts as `other`.
    pub(crate) key_exchange: &'static str,
    /// Whether it resumed an earlier session.
    pub(crate) resumed: bool,
    /// How long it took.
    pub(crate) took: Duration,
}

/// Counts a connection among those that are served until it is dropped.
#[derive(Debug)]
pub(crate) struct ServedGuard(Gauge);

impl ConnectionMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let served = Family::default();
        registry.register(
            "connections_served",
            "Connections that are served, by listener and protocol",
            served.clone(),
        );
        let handshakes = Family::<HandshakeLabels, Counter>::default();
        let help =
            "TLS handshakes of clients that succeeded, by version, key exchange and whether they resumed a session";
        registry.register("tls_handshakes", help, handshakes.clone());
        for version in ["1.2", "1.3"] {
            for (key_exchange, resumed) in KEY_EXCHANGES.iter().flat_map(|group| [(*group, "no"), (*group, "yes")]) {
                drop(handshakes.get_or_create(&HandshakeLabels { version, key_exchange, resumed }));
            }
        }
        let failures = Family::<MetricLabel, Counter>::default();
        registry.register("tls_handshake_failures", "TLS handshakes of clients that failed, by why", failures.clone());
        for reason in HANDSHAKE_FAILURES {
            drop(failures.get_or_create(&[("reason", reason)]));
        }
        let took = Histogram::new(REQUEST_TIMES);
        let help = "Time from a client's first byte to the end of its TLS handshake";
        registry.register_with_unit("tls_handshake", help, Unit::Seconds, took.clone());
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
            served,
            handshakes,
            failures,
            took,
        }
    }

    /// Shows a listener from the first scrape on, with zeros.
    pub(crate) fn have_listener(&self, listener: &Arc<str>) {
        for protocol in SERVED_PROTOCOLS {
            drop(self.served.get_or_create(&ServedLabels { listener: Arc::clone(listener), protocol }));
        }
    }

    /// Counts a connection of `listener` as served, over one of [`SERVED_PROTOCOLS`], until the guard is dropped.
    pub(crate) fn serve(&self, listener: &Arc<str>, protocol: &'static str) -> ServedGuard {
        let served = self.served.get_or_create(&ServedLabels { listener: Arc::clone(listener), protocol }).clone();
        served.inc();
        ServedGuard(served)
    }

    /// Counts a TLS handshake that succeeded.
    pub(crate) fn shook_hands(&self, handshake: &TlsHandshake) {
        let TlsHandshake { version, key_exchange, resumed, took } = *handshake;
        let key_exchange = KEY_EXCHANGES.into_iter().find(|known| *known == key_exchange).unwrap_or("other");
        let resumed = if resumed { "yes" } else { "no" };
        self.handshakes.get_or_create(&HandshakeLabels { version, key_exchange, resumed }).inc();
        self.took.time(took);
    }

    /// Counts a TLS handshake that failed: `reason` is one of [`HANDSHAKE_FAILURES`].
    pub(crate) fn handshake_failed(&self, reason: &'static str) {
        self.failures.get_or_create(&[("reason", reason)]).inc();
    }
}

impl Drop for ServedGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The protocols of connections that are served.
pub(crate) const SERVED_PROTOCOLS: [&str; 2] = ["h1", "h2"];
/// The names of key exchange groups that are labels (RFC 8446 §4.2.7, draft-ietf-tls-ecdhe-mlkem).
pub(crate) const KEY_EXCHANGES: [&str; 5] = ["X25519MLKEM768", "X25519", "secp256r1", "secp384r1", "other"];
/// Why TLS handshakes fail.
pub(crate) const HANDSHAKE_FAILURES: [&str; 7] =
    ["timeout", "closed", "not_tls", "incompatible", "client_certificate", "alert", "other"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::Metrics;
    use crate::observe::metrics::tests::value;

    #[test]
    fn a_connection_is_served_until_its_guard_is_dropped() {
        let (metrics, listener) = (Metrics::new(), Arc::from("[::]:8443"));
        metrics.connections.have_listener(&listener);
        let name = r#"frontgate_connections_served{listener="[::]:8443",protocol="h2"}"#;
        assert_eq!(value(&metrics, name).as_deref(), Some("0"));
        let guard = metrics.connections.serve(&listener, "h2");
        assert_eq!(value(&metrics, name).as_deref(), Some("1"));
        drop(guard);
        assert_eq!(value(&metrics, name).as_deref(), Some("0"));
    }

    #[test]
    fn handshakes_count_by_known_groups() {
        let metrics = Metrics::new();
        let handshake =
            TlsHandshake { version: "1.3", key_exchange: "X448", resumed: true, took: Duration::from_millis(1) };
        metrics.connections.shook_hands(&handshake);
        let name = r#"frontgate_tls_handshakes_total{version="1.3",key_exchange="other",resumed="yes"}"#;
        assert_eq!(value(&metrics, name).as_deref(), Some("1"));
    }
}
