//! [`Endpoint`]: one gateway of those that stand in for each other, and how it has done lately.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::balance::{EndpointId, OutlierState};
use super::endpoint_drains::EndpointDrains;
use super::hold::LOOK_LIMIT;
use super::{ConnectionPool, GatewayReadiness, HeldGateway as _};
use crate::io::LiveCount;
use crate::observe::metrics::EndpointSample;

/// One gateway.
pub(crate) struct Endpoint {
    /// Its address, for the log.
    name: Arc<str>,
    /// The name that the DNS has led here from, as it is written.
    found_by: Option<Arc<str>>,
    id: EndpointId,
    drains: EndpointDrains,
    pub(super) pool: ConnectionPool,
    /// Requests and WebSockets under way.
    pub(super) busy: LiveCount,
    record: Mutex<OutlierState>,
}

impl Endpoint {
    /// A gateway that is reached by `pool`, unless it is among `drains`; the log calls it `name`.
    pub(crate) fn new(name: impl Into<Arc<str>>, pool: ConnectionPool, drains: EndpointDrains) -> Arc<Self> {
        Self::found_by(None, name.into(), pool, drains)
    }

    /// The same, which the DNS has for a name; it is out with the name, too.
    pub(crate) fn found_by(
        found_by: Option<Arc<str>>,
        name: Arc<str>,
        pool: ConnectionPool,
        drains: EndpointDrains,
    ) -> Arc<Self> {
        let id = EndpointId::of(&name);
        let (busy, record) = (LiveCount::default(), Mutex::default());
        Arc::new(Self { name, found_by, id, drains, pool, busy, record })
    }

    /// Its address.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The number by which cookies and hashes know it.
    pub(crate) fn id(&self) -> EndpointId {
        self.id
    }

    /// The connections to the gateway.
    pub(crate) fn pool(&self) -> &ConnectionPool {
        &self.pool
    }

    /// Whether an operator has taken it out.
    pub(super) fn is_draining(&self) -> bool {
        self.drains.has(&self.name) || self.found_by.as_ref().is_some_and(|name| self.drains.has(name))
    }

    /// Requests and WebSockets under way.
    pub(crate) fn busy(&self) -> usize {
        self.busy.count()
    }

    /// Until when it is left alone, if it has failed.
    pub(super) fn ejected_until(&self) -> Option<Instant> {
        self.record().ejected_until()
    }

    /// The endpoint as the metrics show it; `is_one_of_several` says whether it counts its requests.
    pub(crate) fn sample(&self, is_one_of_several: bool) -> EndpointSample {
        let busy = self.busy.count();
        let (connects, idle, reached) = self.pool.sample();
        let ejected = self.ejected_until().is_some_and(|until| until > Instant::now());
        EndpointSample {
            name: Arc::clone(&self.name),
            healthy: reached && !ejected,
            ejected,
            draining: self.is_draining(),
            busy: is_one_of_several.then_some(busy),
            idle,
            connects,
            connect_times: self.pool.connect_times(),
            failures: self.pool.failures(),
            sources: self.pool.source_counts(),
        }
    }

    pub(super) fn failed(&self, why: &dyn std::fmt::Display) {
        if self.record().failed(Instant::now()) {
            tracing::warn!(upstream = %self.name, %why, "a gateway failed; others stand in for it");
        }
    }

    pub(super) fn worked(&self) {
        if self.record().worked() {
            tracing::info!(upstream = %self.name, "the gateway is back");
        }
    }

    fn record(&self) -> MutexGuard<'_, OutlierState> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The endpoint whose connection failed, if there are several.
pub(crate) struct FailedConnection(pub(super) Option<Arc<Endpoint>>);

impl FailedConnection {
    /// Whether the endpoint says that it is ready. It is only asked where there are several gateways.
    pub(crate) async fn is_ready(&self) -> bool {
        let Some(endpoint) = &self.0 else { return false };
        matches!(timeout(LOOK_LIMIT, endpoint.pool.readiness()).await, Ok(Ok(GatewayReadiness::Ready)))
    }
}

/// A question to an endpoint that is under way. The caller gives up after a while and asks anew: then it must be
/// another endpoint's turn.
pub(super) struct EndpointProbe<'a> {
    endpoint: &'a Endpoint,
    began: Instant,
    ended: bool,
}

impl<'a> EndpointProbe<'a> {
    pub(super) fn begin(endpoint: &'a Endpoint) -> Self {
        Self { endpoint, began: Instant::now(), ended: false }
    }

    pub(super) fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for EndpointProbe<'_> {
    fn drop(&mut self) {
        // A caller that gives up sooner does so because its client went away.
        if !self.ended && self.began.elapsed() >= GIVEN_UP {
            self.endpoint.failed(&"it does not answer");
        }
    }
}

/// Half of [`LOOK_LIMIT`], the time that the hold queue has for a look.
const GIVEN_UP: Duration = Duration::from_millis(500);

#[cfg(test)]
pub(super) mod tests {
    use tokio::time::sleep;

    use super::*;
    use crate::config::UpstreamAddress;
    use crate::upstream::Connector;

    pub(in crate::upstream) fn endpoint() -> Arc<Endpoint> {
        let upstream = UpstreamAddress::Unix("/nowhere/gateway.sock".into());
        let connector = Connector::new(&upstream, None, |_| Err(rustls::pki_types::InvalidDnsNameError));
        Endpoint::new(upstream.to_string(), ConnectionPool::new(connector.unwrap(), 1024), EndpointDrains::default())
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_does_not_answer_is_left_alone_and_one_that_a_client_left_is_not() {
        let cases = [(GIVEN_UP, false, true), (GIVEN_UP / 2, false, false), (GIVEN_UP, true, false)];
        for (time, ends, ejected_until) in cases {
            let endpoint = endpoint();
            let trying = EndpointProbe::begin(&endpoint);
            sleep(time).await;
            if ends {
                trying.end();
            } else {
                drop(trying);
            }
            assert_eq!(endpoint.ejected_until().is_some(), ejected_until, "{time:?} {ends}");
        }
    }
}
