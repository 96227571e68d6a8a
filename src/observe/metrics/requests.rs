//! [`RequestMetrics`]: requests and their answers.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode, Version};
use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::{Registry, Unit};

use super::histogram::{Histogram, REQUEST_TIMES};
use super::{MetricLabel, counter, gauge};

/// Requests and their answers; an upgrade is one, too.
pub(crate) struct RequestMetrics {
    /// Requests by the first digit of their status, and those that ended without one.
    by_class: [Counter; 6],
    /// Requests that were refused because the limit of requests under way was reached.
    pub(crate) refused: Counter,
    /// Requests that are under way.
    pub(crate) in_flight: Gauge,
    received: Counter,
    sent: Counter,
    by_route: ShownRoutes,
    unrouted: Arc<RouteRequests>,
    took: Histogram,
    first_byte: Histogram,
    failures: Family<MetricLabel, Counter>,
}

/// How many requests of one route have ended. The route's name is the configuration's, so that no client can make one up.
#[derive(Debug)]
pub(crate) struct RouteRequests {
    name: Arc<str>,
    counts: [[[AtomicU64; PROTOCOLS.len()]; CLASSES.len()]; METHODS.len()],
}

/// The routes that are shown; empty is the name of that of requests that reached none.
#[derive(Debug, Clone)]
struct ShownRoutes(Arc<Mutex<Vec<Arc<RouteRequests>>>>);

/// A request that has ended.
#[derive(Debug)]
pub(crate) struct EndedRequest<'a> {
    /// The route that it took, if it took one.
    pub(crate) route: Option<&'a RouteRequests>,
    /// Its method.
    pub(crate) method: &'a Method,
    /// The version of HTTP that it came over.
    pub(crate) version: Version,
    /// The status that it was answered with, if it was answered at all.
    pub(crate) status: Option<StatusCode>,
    /// The code of the failure that frontgate answered with, if it did.
    pub(crate) failure: Option<&'static str>,
    /// Bytes of the request's body.
    pub(crate) received: u64,
    /// Bytes of the answer's body.
    pub(crate) sent: u64,
    /// How long it took, to the last byte of its answer.
    pub(crate) took: Duration,
    /// How long it took to the head of its answer.
    pub(crate) first_byte: Option<Duration>,
}

impl RequestMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let family = Family::<MetricLabel, Counter>::default();
        registry.register("requests", "Requests, by the class of the status they were answered with", family.clone());
        let by_class = CLASSES.map(|class| family.get_or_create_owned(&[("status", class)]));
        let unrouted = Arc::new(RouteRequests::new(&"".into()));
        let by_route = ShownRoutes(Arc::new(Mutex::new(vec![Arc::clone(&unrouted)])));
        let help = "Requests that have ended, by route, method, the class of their status, and protocol";
        registry.register("http_requests", help, by_route.clone());
        let failures = Family::default();
        let help = "Requests that frontgate itself answered with a failure, refusals by a limit included, by its code";
        registry.register("http_failures", help, failures.clone());
        let (took, first_byte) = (Histogram::new(REQUEST_TIMES), Histogram::new(REQUEST_TIMES));
        let help = "Time from the head of a request to the last byte of its answer";
        registry.register_with_unit("http_request", help, Unit::Seconds, took.clone());
        let help = "Time from the head of a request to the head of its answer";
        registry.register_with_unit("http_first_byte", help, Unit::Seconds, first_byte.clone());
        Self {
            by_class,
            refused: counter(
                registry,
                "requests_refused",
                "Requests over limits.requests or limits.requests_per_client",
            ),
            in_flight: gauge(registry, "http_requests_in_flight", "Requests that are under way"),
            received: counter(registry, "request_body_bytes", "Bytes of the bodies of requests"),
            sent: counter(registry, "response_body_bytes", "Bytes of the bodies of answers"),
            by_route,
            unrouted,
            took,
            first_byte,
            failures,
        }
    }

    /// The counts of the route of this name: those that are shown already, or new ones.
    pub(crate) fn route(&self, name: &Arc<str>) -> Arc<RouteRequests> {
        let known = self.by_route.all().iter().find(|route| route.name == *name).map(Arc::clone);
        known.unwrap_or_else(|| Arc::new(RouteRequests::new(name)))
    }

    /// Shows these routes from the next scrape on, and forgets those that are gone.
    pub(crate) fn have_routes(&self, routes: Vec<Arc<RouteRequests>>) {
        let mut shown = self.by_route.all();
        shown.truncate(1);
        shown.extend(routes);
    }

    /// Declares the codes of failures, so that they are shown from the beginning.
    pub(crate) fn may_fail(&self, codes: &[&'static str]) {
        for code in codes {
            drop(self.failures.get_or_create(&[("code", *code)]));
        }
    }

    /// Counts a request that has ended.
    pub(crate) fn ended(&self, ended: &EndedRequest<'_>) {
        let class = class(ended.status);
        self.by_class[class].inc();
        self.received.inc_by(ended.received);
        self.sent.inc_by(ended.sent);
        self.took.time(ended.took);
        if let Some(first_byte) = ended.first_byte {
            self.first_byte.time(first_byte);
        }
        if let Some(code) = ended.failure {
            self.failures.get_or_create(&[("code", code)]).inc();
        }
        ended.route.unwrap_or(&self.unrouted).count(ended.method, class, ended.version);
    }
}

impl RouteRequests {
    fn new(name: &Arc<str>) -> Self {
        Self { name: Arc::clone(name), counts: Default::default() }
    }

    /// The route's name in the log and the metrics.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn count(&self, method: &Method, class: usize, version: Version) {
        self.counts[self::method(method)][class][protocol(version)].fetch_add(1, Ordering::Relaxed);
    }
}

impl ShownRoutes {
    fn all(&self) -> MutexGuard<'_, Vec<Arc<RouteRequests>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TypedMetric for ShownRoutes {
    const TYPE: MetricType = MetricType::Counter;
}

impl EncodeMetric for ShownRoutes {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let routes = self.all();
        // With many routes only the most frequent method is there from the beginning: a scrape stays small.
        let zeros = if routes.len() > MANY_ROUTES { 1 } else { METHODS.len() };
        for route in &*routes {
            for (index, (method, classes)) in METHODS.iter().zip(&route.counts).enumerate() {
                for (status, protocols) in CLASSES.iter().zip(classes) {
                    for (protocol, count) in PROTOCOLS.iter().zip(protocols) {
                        let count = count.load(Ordering::Relaxed);
                        if count > 0 || index < zeros {
                            let labels = [
                                ("route", &*route.name),
                                ("method", method),
                                ("status", status),
                                ("protocol", protocol),
                            ];
                            encoder.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

/// The index in [`CLASSES`].
fn class(status: Option<StatusCode>) -> usize {
    status.map(|status| usize::from(status.as_u16() / 100)).filter(|class| *class < CLASSES.len()).unwrap_or(0)
}

/// The index in [`METHODS`].
fn method(method: &Method) -> usize {
    METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1)
}

/// The index in [`PROTOCOLS`].
fn protocol(version: Version) -> usize {
    match version {
        Version::HTTP_2 => 1,
        Version::HTTP_10 => 2,
        _ => 0,
    }
}

/// The label of requests without an answer, and the labels for the first digit of the others.
const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];
/// The methods of RFC 9110 and RFC 5789 that are labels, and the label of all others.
const METHODS: [&str; 10] = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "other"];
const PROTOCOLS: [&str; 3] = ["h1", "h2", "h1.0"];
/// From how many routes on only the series of the most frequent method are shown before they count something.
const MANY_ROUTES: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::Metrics;
    use crate::observe::metrics::tests::value;

    fn ended(method: &Method, status: Option<u16>) -> EndedRequest<'_> {
        EndedRequest {
            route: None,
            method,
            version: Version::HTTP_2,
            status: status.and_then(|status| StatusCode::from_u16(status).ok()),
            failure: None,
            received: 10,
            sent: 1,
            took: Duration::from_millis(3),
            first_byte: Some(Duration::from_millis(2)),
        }
    }

    #[test]
    fn requests_count_by_the_class_of_their_status() {
        let metrics = Metrics::new();
        for status in [Some(101), Some(200), Some(204), Some(304), Some(404), Some(599), Some(999), None] {
            metrics.requests.ended(&ended(&Method::GET, status));
        }
        let count = |class| value(&metrics, &format!("frontgate_requests_total{{status=\"{class}\"}}")).unwrap();
        assert_eq!(["none", "1xx", "2xx", "3xx", "4xx", "5xx"].map(count), ["2", "1", "2", "1", "1", "1"]);
        assert_eq!(value(&metrics, "frontgate_request_body_bytes_total").as_deref(), Some("80"));
        assert_eq!(value(&metrics, "frontgate_response_body_bytes_total").as_deref(), Some("8"));
        assert_eq!(value(&metrics, "frontgate_http_request_seconds_bucket{le=\"0.005\"}").as_deref(), Some("8"));
        assert_eq!(value(&metrics, "frontgate_http_first_byte_seconds_bucket{le=\"0.001\"}").as_deref(), Some("0"));
    }

    #[test]
    fn no_client_makes_up_a_label() {
        let metrics = Metrics::new();
        let series = || metrics.text().lines().filter(|line| line.starts_with("frontgate_http_requests_total")).count();
        let before = series();
        let method = Method::from_bytes(b"BREW").unwrap();
        metrics.requests.ended(&ended(&method, Some(200)));
        assert_eq!(series(), before);
        let counted = r#"frontgate_http_requests_total{route="",method="other",status="2xx",protocol="h2"}"#;
        assert_eq!(value(&metrics, counted).as_deref(), Some("1"));
    }

    #[test]
    fn a_route_is_shown_while_the_configuration_has_it() {
        let metrics = Metrics::new();
        let routes = || ["/claw/", "*"].map(|name| metrics.requests.route(&name.into())).to_vec();
        metrics.requests.have_routes(routes());
        let name = r#"frontgate_http_requests_total{route="/claw/",method="POST",status="4xx",protocol="h1"}"#;
        assert_eq!(value(&metrics, name).as_deref(), Some("0"));
        let one =
            EndedRequest { route: Some(&routes()[0]), version: Version::HTTP_11, ..ended(&Method::POST, Some(403)) };
        metrics.requests.ended(&one);
        metrics.requests.have_routes(routes());
        assert_eq!(value(&metrics, name).as_deref(), Some("1"), "a reload keeps what was counted");
        metrics.requests.have_routes(routes().split_off(1));
        assert_eq!(value(&metrics, name), None);
        let many = (0..200).map(|number| metrics.requests.route(&format!("/{number}").into()));
        metrics.requests.have_routes(many.collect());
        assert!(metrics.text().lines().count() < 5_000);
    }
}
