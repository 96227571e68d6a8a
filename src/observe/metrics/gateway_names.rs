//! [`GatewayNameMetrics`]: the names that stand for several gateways, and what the DNS says of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::set;

/// The names that stand for several gateways, and what the DNS says of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct GatewayNameMetrics {
    lookups: Family<LookupLabels, Counter>,
    age: Family<NameLabels, Gauge<f64, AtomicU64>>,
    addresses: Family<NameLabels, Gauge>,
}

/// A name at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameSample {
    /// The name as the configuration has it.
    pub(crate) name: Arc<str>,
    /// How many lookups had the outcomes of [`OUTCOMES`].
    pub(crate) lookups: [u64; 3],
    /// How old the answer in use is; `None` before the first.
    pub(crate) age: Option<Duration>,
    /// How many gateways it names.
    pub(crate) addresses: usize,
}

/// What becomes of a lookup: gateways, none, or no answer.
const OUTCOMES: [&str; 3] = ["answered", "empty", "failed"];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NameLabels {
    /// The name as the configuration has it.
    name: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LookupLabels {
    /// The name as the configuration has it.
    name: Arc<str>,
    /// One of [`OUTCOMES`].
    outcome: &'static str,
}

impl GatewayNameMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let all = Self::default();
        let help = "Lookups of a name that stands for several gateways, by what became of them";
        registry.register("upstream_dns_lookups", help, all.lookups.clone());
        let help = "Age of the DNS answer in use; it grows while the DNS gives no other";
        registry.register_with_unit("upstream_dns_answer_age", help, Unit::Seconds, all.age.clone());
        let help = "Gateways that the DNS answer in use names";
        registry.register("upstream_dns_addresses", help, all.addresses.clone());
        all
    }

    /// Shows these names, and no others.
    pub(crate) fn show(&self, names: &[NameSample]) {
        self.lookups.clear();
        self.age.clear();
        self.addresses.clear();
        for sample in names {
            for (outcome, count) in OUTCOMES.into_iter().zip(sample.lookups) {
                let labels = LookupLabels { name: Arc::clone(&sample.name), outcome };
                set(&self.lookups.get_or_create(&labels), count);
            }
            let labels = NameLabels { name: Arc::clone(&sample.name) };
            self.addresses.get_or_create(&labels).set(i64::try_from(sample.addresses).unwrap_or(i64::MAX));
            if let Some(age) = sample.age {
                self.age.get_or_create(&labels).inner().store(age.as_secs_f64().to_bits(), Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::Metrics;
    use crate::observe::metrics::tests::value;

    #[test]
    fn a_name_is_shown_while_the_configuration_has_it() {
        let (metrics, name) = (Metrics::new(), Arc::<str>::from("dns+http://gateways:18789"));
        let sample = NameSample { name, lookups: [5, 2, 0], age: Some(Duration::from_millis(1500)), addresses: 3 };
        metrics.gateway_names.show(std::slice::from_ref(&sample));
        let read = |family: &str| value(&metrics, &format!("frontgate_upstream_dns_{family}"));
        let count = |outcome| read(&format!("lookups_total{{name=\"{}\",outcome=\"{outcome}\"}}", sample.name));
        assert_eq!(OUTCOMES.map(|outcome| count(outcome).unwrap()), ["5", "2", "0"]);
        let of_name = |family: &str| read(&format!("{family}{{name=\"{}\"}}", sample.name));
        assert_eq!(of_name("addresses").as_deref(), Some("3"));
        assert_eq!(of_name("answer_age_seconds").as_deref(), Some("1.5"));
        metrics.gateway_names.show(&[NameSample { age: None, ..sample.clone() }]);
        assert_eq!(of_name("answer_age_seconds"), None, "before the first answer");
        metrics.gateway_names.show(&[]);
        assert_eq!(of_name("addresses").or(count("answered")), None);
    }
}
