//! [`UpstreamMetrics`]: the gateways, connections to them, and requests that wait for them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::{Registry, Unit};

use super::histogram::{BucketCounts, Histogram, REQUEST_TIMES};
use super::{MetricLabel, counter, gauge, set};

/// The gateways, connections to them, and requests that wait for them.
#[derive(Debug, Clone)]
pub(crate) struct UpstreamMetrics {
    /// Requests and upgrades that wait for the gateway now.
    pub(crate) waiting: Gauge,
    /// How many waited and then passed.
    pub(crate) passed: Counter,
    /// How many waited in vain.
    pub(crate) gave_up: Counter,
    /// How long requests waited that had to.
    pub(crate) wait: Histogram,
    connect: ConnectTimes,
    failed: Family<MetricLabel, Counter>,
    healthy: Family<EndpointLabels, Gauge>,
    ejected: Family<EndpointLabels, Gauge>,
    draining: Family<EndpointLabels, Gauge>,
    busy: Family<EndpointLabels, Gauge>,
    idle: Family<EndpointLabels, Gauge>,
    connects: Family<EndpointLabels, Counter>,
    failures: Family<FailureLabels, Counter>,
    sources: Family<SourceLabels, Gauge>,
}

/// How long connections to each endpoint took, in the buckets of [`REQUEST_TIMES`].
#[derive(Debug, Clone, Default)]
struct ConnectTimes(Arc<Mutex<BTreeMap<Arc<str>, BucketCounts>>>);

/// The labels of connections from one address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabels {
    /// The gateway's address in the configuration.
    endpoint: Arc<str>,
    /// The address that they come from, which the configuration names.
    source: String,
}

/// The labels of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabels {
    /// Its address in the configuration.
    endpoint: Arc<str>,
}

/// The labels of connections that were not made to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    /// Its address in the configuration.
    endpoint: Arc<str>,
    /// Why, in one word.
    why: &'static str,
}

/// An endpoint at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndpointSample {
    /// Its address in the configuration.
    pub(crate) name: Arc<str>,
    /// Whether it gets requests: its latest connection was made, or none was tried.
    pub(crate) healthy: bool,
    /// Whether it is left alone for a while because it failed.
    pub(crate) ejected: bool,
    /// Whether an operator has taken it out.
    pub(crate) draining: bool,
    /// Its requests and WebSockets under way; `None` where there is only one endpoint, which counts none.
    pub(crate) busy: Option<usize>,
    /// Connections that wait for their next request.
    pub(crate) idle: usize,
    /// Connections that were made to it.
    pub(crate) connects: u64,
    /// How long they took: the count of each bucket, and the sum.
    pub(crate) connect_times: BucketCounts,
    /// Connections that were not made to it, by why.
    pub(crate) failures: Vec<(&'static str, u64)>,
    /// How many connections there are from each address that the configuration names.
    pub(crate) sources: Vec<(IpAddr, usize)>,
}

impl UpstreamMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let wait = Histogram::new(REQUEST_TIMES);
        let all = Self {
            waiting: gauge(registry, "hold_waiting", "Requests and WebSockets that wait for a gateway that is down"),
            passed: counter(registry, "hold_passed", "Requests and WebSockets that waited and passed"),
            gave_up: counter(registry, "hold_gave_up", "Requests and WebSockets that waited in vain"),
            wait,
            connect: ConnectTimes::default(),
            failed: Family::default(),
            healthy: Family::default(),
            ejected: Family::default(),
            draining: Family::default(),
            busy: Family::default(),
            idle: Family::default(),
            connects: Family::default(),
            failures: Family::default(),
            sources: Family::default(),
        };
        let help = "Time that requests and WebSockets waited for a gateway that was down";
        registry.register_with_unit("hold_wait", help, Unit::Seconds, all.wait.clone());
        let help = "Time that a connection to the gateway took, name resolution and TLS included";
        registry.register_with_unit("upstream_connect", help, Unit::Seconds, all.connect.clone());
        let help = "Connections to a gateway that failed, by why; those of frontgate's own questions included";
        registry.register("upstream_connect_failures", help, all.failed.clone());
        registry.register(
            "upstream_healthy",
            "1 while the gateway can be reached, as far as was tried",
            all.healthy.clone(),
        );
        let help = "1 while the gateway is left alone because it failed, and others stand in for it";
        registry.register("upstream_ejected", help, all.ejected.clone());
        let help = "1 while an operator has taken the gateway out";
        registry.register("upstream_draining", help, all.draining.clone());
        let help = "Requests and WebSockets under way at a gateway of several";
        registry.register("upstream_requests", help, all.busy.clone());
        let help = "Connections to the gateway that wait for their next request";
        registry.register("upstream_idle_connections", help, all.idle.clone());
        registry.register("upstream_connects", "Connections to the gateway that were made", all.connects.clone());
        let help = "Connections for requests and WebSockets that were not made to the gateway, by why";
        registry.register("upstream_endpoint_failures", help, all.failures.clone());
        let help = "Connections to the gateway from an address of `source`";
        registry.register("upstream_source_connections", help, all.sources.clone());
        all
    }

    /// Declares the words that [`UpstreamMetrics::failed`] may get, so that they are shown from the beginning.
    pub(crate) fn may_fail(&self, whys: &[&'static str]) {
        for why in whys {
            drop(self.failed.get_or_create(&[("why", why)]));
        }
    }

    /// Counts a connection that was not made: `why` is one word.
    pub(crate) fn failed(&self, why: &'static str) {
        self.failed.get_or_create(&[("why", why)]).inc();
    }

    /// Shows these endpoints, and no others.
    pub(crate) fn show(&self, endpoints: &[EndpointSample]) {
        for gauges in [&self.healthy, &self.ejected, &self.draining, &self.busy, &self.idle] {
            gauges.clear();
        }
        self.connects.clear();
        self.failures.clear();
        let mut times = self.connect.all();
        times.clear();
        self.sources.clear();
        for sample in endpoints {
            let labels = EndpointLabels { endpoint: Arc::clone(&sample.name) };
            let level = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
            self.healthy.get_or_create(&labels).set(sample.healthy.into());
            self.ejected.get_or_create(&labels).set(sample.ejected.into());
            self.draining.get_or_create(&labels).set(sample.draining.into());
            self.idle.get_or_create(&labels).set(level(sample.idle));
            if let Some(busy) = sample.busy {
                self.busy.get_or_create(&labels).set(level(busy));
            }
            set(&self.connects.get_or_create(&labels), sample.connects);
            for (why, count) in &sample.failures {
                let labels = FailureLabels { endpoint: Arc::clone(&sample.name), why };
                // One endpoint may be reached in two ways.
                self.failures.get_or_create(&labels).inc_by(*count);
            }
            let (counts, sum) = times.entry(Arc::clone(&sample.name)).or_default();
            counts.resize(sample.connect_times.0.len(), 0);
            counts.iter_mut().zip(&sample.connect_times.0).for_each(|(total, own)| *total += own);
            *sum += sample.connect_times.1;
            for (source, count) in &sample.sources {
                let labels = SourceLabels { endpoint: Arc::clone(&sample.name), source: source.to_string() };
                self.sources.get_or_create(&labels).set(level(*count));
            }
        }
    }
}

impl ConnectTimes {
    fn all(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, BucketCounts>> {
        // Numbers that the next scrape sets anew.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TypedMetric for ConnectTimes {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for ConnectTimes {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        for (endpoint, (counts, sum)) in &*self.all() {
            REQUEST_TIMES.encode(counts, *sum, encoder.encode_family(&[("endpoint", &**endpoint)])?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::observe::metrics::Metrics;
    use crate::observe::metrics::tests::value;

    #[test]
    fn an_endpoint_is_shown_while_the_configuration_has_it() {
        let (metrics, name) = (Metrics::new(), Arc::<str>::from("http://10.0.0.4:18789"));
        let sample = EndpointSample {
            name,
            healthy: true,
            ejected: false,
            draining: true,
            busy: Some(3),
            idle: 2,
            connects: 7,
            connect_times: Histogram::new(REQUEST_TIMES).counts(),
            failures: vec![("refused", 4), ("tls", 0)],
            sources: Vec::new(),
        };
        metrics.upstream.show(std::slice::from_ref(&sample));
        let read =
            |family: &str| value(&metrics, &format!("frontgate_upstream_{family}{{endpoint=\"{}\"}}", sample.name));
        let shown = ["healthy", "ejected", "draining", "requests", "idle_connections", "connects_total"].map(read);
        assert_eq!(shown.map(Option::unwrap), ["1", "0", "1", "3", "2", "7"]);
        assert_eq!(read("connect_seconds_count").as_deref(), Some("0"), "before the first connection");
        let failures = |why| {
            let labels = format!("endpoint=\"{}\",why=\"{why}\"", sample.name);
            value(&metrics, &format!("frontgate_upstream_endpoint_failures_total{{{labels}}}"))
        };
        assert_eq!((failures("refused").as_deref(), failures("tls").as_deref()), (Some("4"), Some("0")));
        let times = Histogram::new(REQUEST_TIMES);
        times.time(Duration::from_millis(2));
        let connected = EndpointSample { connect_times: times.counts(), ..sample.clone() };
        // One endpoint that is reached in two ways.
        metrics.upstream.show(&[connected.clone(), connected]);
        assert_eq!(read("connect_seconds_count").as_deref(), Some("2"));
        let bucket = "frontgate_upstream_connect_seconds_bucket{le=\"0.0025\",endpoint=\"http://10.0.0.4:18789\"}";
        assert_eq!(value(&metrics, bucket).as_deref(), Some("2"));
        metrics.upstream.show(&[]);
        assert_eq!(read("healthy").or(read("connect_seconds_count")), None);
    }
}
