//! [`Endpoints`]: the gateways that stand in for each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::Instant;

use super::balance::{EndpointState, order};
use super::endpoint::{Endpoint, EndpointProbe, FailedConnection};
use super::{ConnectError, GatewayReadiness, HeldGateway, Lease};
use crate::config::Balance;

/// The gateways that stand in for each other; often one. Cheap to clone.
///
/// A gateway that cannot be reached is left alone for a while, and another is tried for the same request. When none can
/// be reached all of them are tried, each time: a request that waits in the [`HoldQueue`](super::HoldQueue) finds the
/// first that is back.
#[derive(Clone)]
pub(crate) struct Endpoints(Arc<EndpointsShared>);

struct EndpointsShared {
    balance: Balance,
    all: Vec<Arc<Endpoint>>,
    turn: AtomicUsize,
}

impl Endpoints {
    /// These endpoints, of which there must be at least one.
    pub(crate) fn new(balance: Balance, all: Vec<Arc<Endpoint>>) -> Self {
        Self(Arc::new(EndpointsShared { balance, all, turn: AtomicUsize::new(0) }))
    }

    /// All endpoints.
    pub(crate) fn all(&self) -> &[Arc<Endpoint>] {
        &self.0.all
    }

    /// A connection to the next endpoint that was used before and seems to be alive.
    pub(crate) fn reuse(&self) -> Option<Lease> {
        if let [only] = self.all() {
            return only.pool.reuse().map(Lease::from);
        }
        let next = self.order().into_iter().next()?;
        let endpoint = &self.all()[next];
        let lease = Lease::from(endpoint.pool.reuse()?);
        // Only when a connection was taken: otherwise the endpoint whose turn it is gets a fresh connection.
        self.0.turn.fetch_add(1, Ordering::Relaxed);
        Some(lease.counted(endpoint.busy.enter(), Arc::clone(endpoint)))
    }

    /// Notes that the connection of `lease` was closed without an answer. Returns whether another gateway can be asked
    /// instead.
    pub(crate) fn failed(&self, lease: &FailedConnection) -> bool {
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

impl HeldGateway for Endpoints {
    type Connection = Lease;

    async fn dial(&self) -> Result<Lease, ConnectError> {
        if let [only] = self.all() {
            return only.pool.dial().await.map(Lease::from);
        }
        let order = self.order();
        self.0.turn.fetch_add(1, Ordering::Relaxed);
        let mut last = ConnectError::Refused;
        for index in order {
            let endpoint = &self.all()[index];
            let trying = EndpointProbe::begin(endpoint);
            let dialled = endpoint.pool.dial().await.map(Lease::from);
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

    /// Ready as soon as one endpoint is; endpoints that are not are left alone.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::endpoint::tests::endpoint;

    #[tokio::test]
    async fn an_endpoint_that_cannot_be_reached_is_left_alone_and_a_reload_keeps_that() {
        let (one, two) = (endpoint(), endpoint());
        let group = Endpoints::new(Balance::RoundRobin, vec![Arc::clone(&one), two]);
        assert!(matches!(group.dial().await, Err(ConnectError::Refused)));
        assert!(group.all().iter().all(|endpoint| endpoint.endpoint_state().ejected_until.is_some()));
        let later = Endpoints::new(Balance::LeastConnections, vec![one, endpoint()]);
        assert_eq!(later.order(), [1, 0]);
        let failed = FailedConnection(Some(Arc::clone(&later.all()[1])));
        assert!(!later.failed(&failed), "no endpoint is left to ask");
        let only = Endpoints::new(Balance::RoundRobin, vec![endpoint()]);
        assert!(
            only.dial().await.is_err() && only.all()[0].endpoint_state().ejected_until.is_none(),
            "no endpoint stands in for it"
        );
    }
}
