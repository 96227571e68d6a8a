//! [`ClusterMetrics`]: what replicas share, and the Redis through which they do.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{counter, family, gauge};

/// What replicas share, and the Redis through which they do.
pub(crate) struct ClusterMetrics {
    /// Whether Redis answers.
    pub(crate) near: Gauge,
    /// The replicas that are known, this one included.
    pub(crate) members: Gauge,
    /// How often Redis came, or came back.
    pub(crate) connected: Counter,
    /// Questions of requests that Redis answered.
    pub(crate) answered: Counter,
    /// Those that it answered too late or not at all.
    pub(crate) late: Counter,
    /// Those that it refused.
    pub(crate) refused: Counter,
    /// Those that were not asked, because it was away.
    pub(crate) skipped: Counter,
}

impl ClusterMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let questions = family(
            registry,
            "cluster_questions",
            "Questions of requests to the cluster's Redis, by what became of them",
        );
        let of = |outcome| questions.get_or_create(&[("outcome", outcome)]).clone();
        Self {
            near: gauge(registry, "cluster_up", "Whether the cluster's Redis answers; 0 without a cluster, too"),
            members: gauge(registry, "cluster_members", "Replicas that are known, this one included"),
            connected: counter(registry, "cluster_connects", "How often the cluster's Redis came, or came back"),
            answered: of("answered"),
            late: of("late"),
            refused: of("refused"),
            skipped: of("skipped"),
        }
    }
}
