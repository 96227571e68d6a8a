//! [`Endpoints`]: the gateways that stand in for each other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::balance::{EndpointState, OutlierState, order};
use super::hold::LOOK_LIMIT;
use super::{ConnectError, ConnectionPool, GatewayReadiness, HeldGateway, Lease};
use crate::config::Balance;
use crate::io::LiveCount;

/// The gateways that stand in for each other; often one. Cheap to clone.
///
/// One that cannot be reached is left alone for a while, and another is tried for the same request. When none can be reached
/// all of them are tried, each time: who waits at the [`Gate`](super::Gate) finds the first that is back.
#[derive(Clone)]
pub struct Endpoints(Arc<EndpointsShared>);

struct EndpointsShared {
    balance: Balance,
    all: Vec<Arc<Endpoint>>,
    turn: AtomicUsize,
}

/// One gateway.
pub struct Endpoint {
    /// Its address, for the log.
    name: Arc<str>,
    pool: ConnectionPool,
    /// Requests and WebSockets under way.
    busy: LiveCount,
    record: Mutex<OutlierState>,
}

impl Endpoint {
    /// A gateway that is reached by `pool`; the log calls it `name`.
    pub fn new(name: impl Into<Arc<str>>, pool: ConnectionPool) -> Arc<Self> {
        Arc::new(Self { name: name.into(), pool, busy: LiveCount::default(), record: Mutex::default() })
    }

    /// Its address.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its connections.
    pub fn pool(&self) -> &ConnectionPool {
        &self.pool
    }

    fn endpoint_state(&self) -> EndpointState {
        EndpointState { busy: self.busy.count(), ejected_until: self.record().ejected_until() }
    }

    fn failed(&self, why: &dyn std::fmt::Display) {
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

impl Endpoints {
    /// These endpoints; there is at least one.
    pub fn new(balance: Balance, all: Vec<Arc<Endpoint>>) -> Self {
        Self(Arc::new(EndpointsShared { balance, all, turn: AtomicUsize::new(0) }))
    }

    /// Each of them.
    pub fn all(&self) -> &[Arc<Endpoint>] {
        &self.0.all
    }

    /// A connection to the next of them that was used before and seems to be alive.
    pub fn reuse(&self) -> Option<Lease> {
        if let [only] = self.all() {
            return only.pool.reuse();
        }
        let next = self.order().into_iter().next()?;
        let endpoint = &self.all()[next];
        let lease = endpoint.pool.reuse()?;
        // Only when it was taken: otherwise the one whose turn it is gets a fresh connection.
        self.0.turn.fetch_add(1, Ordering::Relaxed);
        Some(lease.counted(endpoint.busy.enter(), Arc::clone(endpoint)))
    }

    /// The connection of `lease` was closed without an answer. Whether another gateway can be asked instead.
    pub fn failed(&self, lease: &FailedConnection) -> bool {
        let Some(endpoint) = &lease.0 else { return false };
        endpoint.failed(&"it hung up without an answer");
        let now = Instant::now();
        self.all().iter().any(|other| other.endpoint_state().ejected_until.is_none_or(|until| until <= now))
    }

    fn order(&self) -> Vec<usize> {
        let endpoint_states: Vec<EndpointState> = self.all().iter().map(|endpoint| endpoint.endpoint_state()).collect();
        order(self.0.balance, self.0.turn.load(Ordering::Relaxed), &endpoint_states, Instant::now())
    }
}

/// Whose connection it was that failed.
pub struct FailedConnection(pub(super) Option<Arc<Endpoint>>);

impl FailedConnection {
    /// Whether it says of itself that it is ready. Only asked where there are several gateways.
    pub async fn is_ready(&self) -> bool {
        let Some(endpoint) = &self.0 else { return false };
        matches!(timeout(LOOK_LIMIT, endpoint.pool.readiness()).await, Ok(Ok(GatewayReadiness::Ready)))
    }
}

impl HeldGateway for Endpoints {
    type Connection = Lease;

    async fn dial(&self) -> Result<Lease, ConnectError> {
        if let [only] = self.all() {
            return only.pool.dial().await;
        }
        let order = self.order();
        self.0.turn.fetch_add(1, Ordering::Relaxed);
        let mut last = ConnectError::Refused;
        for index in order {
            let endpoint = &self.all()[index];
            let trying = EndpointProbe::begin(endpoint);
            let dialled = endpoint.pool.dial().await;
            trying.end();
            match dialled {
                Ok(lease) => {
                    return Ok(lease.counted(endpoint.busy.enter(), Arc::clone(endpoint)));
                }
                Err(error) => {
                    endpoint.failed(&error);
                    last = error;
                }
            }
        }
        Err(last)
    }

    /// Ready as soon as one of them is; those that are not are left alone.
    async fn readiness(&self) -> Result<GatewayReadiness, ConnectError> {
        if let [only] = self.all() {
            return only.pool.readiness().await;
        }
        let mut found = Err(ConnectError::Refused);
        for index in self.order() {
            let endpoint = &self.all()[index];
            let trying = EndpointProbe::begin(endpoint);
            let readiness = endpoint.pool.readiness().await;
            trying.end();
            match readiness {
                Ok(GatewayReadiness::Ready) => {
                    endpoint.worked();
                    return Ok(GatewayReadiness::Ready);
                }
                Ok(other) => {
                    endpoint.failed(&"it is not ready yet");
                    found = Ok(other);
                }
                Err(error) => {
                    endpoint.failed(&error);
                    found = found.or(Err(error));
                }
            }
        }
        found
    }
}

/// An endpoint that is asked something. Whoever asks gives up after a while and asks anew: then it must be another one's turn.
struct EndpointProbe<'a> {
    endpoint: &'a Endpoint,
    began: Instant,
    ended: bool,
}

impl<'a> EndpointProbe<'a> {
    fn begin(endpoint: &'a Endpoint) -> Self {
        Self { endpoint, began: Instant::now(), ended: false }
    }

    fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for EndpointProbe<'_> {
    fn drop(&mut self) {
        // Sooner it was the client that went away.
        if !self.ended && self.began.elapsed() >= GIVEN_UP {
            self.endpoint.failed(&"it does not answer");
        }
    }
}

/// Half of what the gate has for a look.
const GIVEN_UP: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;
    use crate::config::UpstreamAddress;
    use crate::upstream::Connector;

    fn endpoint() -> Arc<Endpoint> {
        let upstream = UpstreamAddress::Unix("/nowhere/gateway.sock".into());
        let connector = Connector::new(&upstream, None, |_| Err(rustls::pki_types::InvalidDnsNameError));
        Endpoint::new(upstream.to_string(), ConnectionPool::new(connector.unwrap(), 1024))
    }

    #[tokio::test(start_paused = true)]
    async fn who_lets_others_wait_in_vain_is_left_alone_and_who_is_left_by_a_client_is_not() {
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
            assert_eq!(endpoint.endpoint_state().ejected_until.is_some(), ejected_until, "{time:?} {ends}");
        }
    }

    #[tokio::test]
    async fn one_that_cannot_be_reached_is_left_alone_and_a_reload_keeps_that() {
        let (one, two) = (endpoint(), endpoint());
        let group = Endpoints::new(Balance::RoundRobin, vec![Arc::clone(&one), two]);
        assert!(matches!(group.dial().await, Err(ConnectError::Refused)));
        assert!(group.all().iter().all(|endpoint| endpoint.endpoint_state().ejected_until.is_some()));
        let later = Endpoints::new(Balance::LeastConnections, vec![one, endpoint()]);
        assert_eq!(later.order(), [1, 0]);
        let failed = FailedConnection(Some(Arc::clone(&later.all()[1])));
        assert!(!later.failed(&failed), "nobody is left to ask");
        let only = Endpoints::new(Balance::RoundRobin, vec![endpoint()]);
        assert!(
            only.dial().await.is_err() && only.all()[0].endpoint_state().ejected_until.is_none(),
            "nobody stands in for it"
        );
    }
}
