//! [`Endpoints`]: the gateways that stand in for each other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::balance::{EndpointId, EndpointState, Preference, Turns, order};
use super::endpoint::{Endpoint, EndpointProbe, FailedConnection};
use super::health::EndpointHealth;
use super::{ConnectError, GatewayReadiness, HeldGateway, Lease};
use crate::config::{Balance, HashBy};

/// The gateways that stand in for each other; often one. Cheap to clone.
///
/// A gateway that cannot be reached is left alone for a while, and another is tried for the same request. When none can
/// be reached all of them are tried, each time: a request that waits in the [`HoldQueue`](super::HoldQueue) finds the
/// first that is back.
#[derive(Clone)]
pub(crate) struct Endpoints(Arc<EndpointsShared>);

struct EndpointsShared {
    balance: Balance,
    all: Vec<GroupMember>,
    turn: AtomicUsize,
    turns: Mutex<Turns>,
}

/// One of the gateways that stand in for each other.
pub(crate) struct GroupMember {
    /// The gateway.
    pub(crate) endpoint: Arc<Endpoint>,
    /// Its share of the work, beside those of the others.
    pub(crate) weight: u32,
    /// What it answers when it is asked whether it is well; `None` where it is not asked.
    pub(crate) health: Option<Arc<EndpointHealth>>,
}

/// What ties a request to one of the gateways.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct EndpointTie {
    /// The endpoint that the client was at.
    pub(crate) was_at: Option<EndpointId>,
    /// What the client is known by, where that decides.
    pub(crate) client: Option<u64>,
}

/// The gateways as one request sees them.
pub(crate) struct TiedEndpoints<'a> {
    endpoints: &'a Endpoints,
    tie: EndpointTie,
}

impl Endpoints {
    /// These endpoints, of which there must be at least one.
    pub(crate) fn new(balance: Balance, all: Vec<GroupMember>) -> Self {
        Self(Arc::new(EndpointsShared { balance, all, turn: AtomicUsize::new(0), turns: Mutex::default() }))
    }

    /// All endpoints.
    pub(crate) fn all(&self) -> impl ExactSizeIterator<Item = &Arc<Endpoint>> {
        self.0.all.iter().map(|member| &member.endpoint)
    }

    /// By what clients are told apart, where that decides which endpoint they get.
    pub(crate) fn hash_by(&self) -> Option<&HashBy> {
        match &self.0.balance {
            Balance::Hash(by) if self.0.all.len() > 1 => Some(by),
            _ => None,
        }
    }

    /// The endpoints as a request sees them that is tied so.
    pub(crate) fn tied(&self, tie: EndpointTie) -> TiedEndpoints<'_> {
        TiedEndpoints { endpoints: self, tie }
    }

    /// The number of the endpoint that `lease` leads to.
    pub(crate) fn id_of(&self, lease: &Lease) -> Option<EndpointId> {
        let only = || if let [only] = &self.0.all[..] { Some(only.endpoint.id()) } else { None };
        lease.endpoint().map(|endpoint| endpoint.id()).or_else(only)
    }

    /// Notes that the connection of `lease` was closed without an answer. Returns whether another gateway can be asked
    /// instead.
    pub(crate) fn failed(&self, lease: &FailedConnection) -> bool {
        let Some(endpoint) = &lease.0 else { return false };
        endpoint.failed(&"it hung up without an answer");
        let now = Instant::now();
        self.0.all.iter().any(|other| other.state(now).is_up(now))
    }

    fn states(&self, now: Instant) -> Vec<EndpointState> {
        self.0.all.iter().map(|member| member.state(now)).collect()
    }

    /// The order in which to try them.
    fn order(&self, tie: EndpointTie) -> Vec<usize> {
        let now = Instant::now();
        let states = self.states(now);
        let random = || [fastrand::u64(..), fastrand::u64(..)];
        let turn = self.0.turn.load(Ordering::Relaxed);
        let by = |preference: Preference<'_>| order(preference, tie.was_at, &states, now);
        match (&self.0.balance, tie.client) {
            (Balance::LeastConnections, _) => by(Preference::LeastBusy { turn }),
            (Balance::RandomTwo, _) => by(Preference::RandomTwo(random())),
            (Balance::Hash(_), Some(client)) => by(Preference::Client(client)),
            (Balance::RoundRobin | Balance::Hash(_), _) => by(Preference::Turns(&self.turns())),
        }
    }

    /// Notes that a request goes to this endpoint.
    fn took(&self, index: usize) {
        match self.0.balance {
            Balance::LeastConnections => _ = self.0.turn.fetch_add(1, Ordering::Relaxed),
            Balance::RandomTwo => {}
            Balance::RoundRobin | Balance::Hash(_) => {
                let now = Instant::now();
                let share = |state: EndpointState| if state.is_up(now) { state.share } else { 0 };
                let shares: Vec<u32> = self.states(now).into_iter().map(share).collect();
                self.turns().take(index, &shares);
            }
        }
    }

    fn turns(&self) -> std::sync::MutexGuard<'_, Turns> {
        self.0.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GroupMember {
    fn state(&self, now: Instant) -> EndpointState {
        let health = self.health.as_ref();
        EndpointState {
            id: self.endpoint.id(),
            busy: self.endpoint.busy.count(),
            share: self.weight.saturating_mul(health.map_or(1000, |health| health.share(now))),
            ejected_until: self.endpoint.ejected_until(),
            is_out: health.is_some_and(|health| health.is_out()),
            is_draining: self.endpoint.is_draining(),
        }
    }
}

impl TiedEndpoints<'_> {
    /// A connection to the next endpoint that was used before and seems to be alive.
    pub(crate) fn reuse(&self) -> Option<Lease> {
        let Endpoints(shared) = self.endpoints;
        if let [only] = &shared.all[..] {
            return if only.endpoint.is_draining() { None } else { only.endpoint.pool.reuse().map(Lease::from) };
        }
        let next = self.endpoints.order(self.tie).into_iter().next()?;
        let endpoint = &shared.all[next].endpoint;
        let lease = Lease::from(endpoint.pool.reuse()?);
        // Only when a connection was taken: otherwise the endpoint whose turn it is gets a fresh connection.
        self.endpoints.took(next);
        Some(lease.counted(endpoint.busy.enter(), Arc::clone(endpoint)))
    }
}

impl HeldGateway for TiedEndpoints<'_> {
    type Connection = Lease;

    async fn dial(&self) -> Result<Lease, ConnectError> {
        let Endpoints(shared) = self.endpoints;
        if let [only] = &shared.all[..] {
            if only.endpoint.is_draining() {
                return Err(ConnectError::Draining);
            }
            return only.endpoint.pool.dial().await.map(Lease::from);
        }
        let order = self.endpoints.order(self.tie);
        if let Some(first) = order.first() {
            self.endpoints.took(*first);
        }
        let mut last = ConnectError::Draining;
        for index in order {
            let endpoint = &shared.all[index].endpoint;
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
        let Endpoints(shared) = self.endpoints;
        if let [only] = &shared.all[..] {
            if only.endpoint.is_draining() {
                return Err(ConnectError::Draining);
            }
            return only.endpoint.pool.readiness().await;
        }
        let mut found = Err(ConnectError::Draining);
        for index in self.endpoints.order(self.tie) {
            let endpoint = &shared.all[index].endpoint;
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
                    found = match found {
                        Ok(other) => Ok(other),
                        Err(_) => Err(error),
                    };
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

    fn group(balance: Balance, all: impl IntoIterator<Item = Arc<Endpoint>>) -> Endpoints {
        let member = |endpoint| GroupMember { endpoint, weight: 1, health: None };
        Endpoints::new(balance, all.into_iter().map(member).collect())
    }

    #[tokio::test]
    async fn an_endpoint_that_cannot_be_reached_is_left_alone_and_a_reload_keeps_that() {
        let free = EndpointTie::default();
        let (one, two) = (endpoint(), endpoint());
        let both = group(Balance::RoundRobin, [Arc::clone(&one), two]);
        assert!(matches!(both.tied(free).dial().await, Err(ConnectError::Refused)));
        assert!(both.all().all(|endpoint| endpoint.ejected_until().is_some()));
        let later = group(Balance::LeastConnections, [one, endpoint()]);
        assert_eq!(later.order(free), [1, 0]);
        let failed = FailedConnection(later.all().nth(1).cloned());
        assert!(!later.failed(&failed), "no endpoint is left to ask");
        let only = group(Balance::RoundRobin, [endpoint()]);
        assert!(only.tied(free).dial().await.is_err());
        assert!(only.all().all(|endpoint| endpoint.ejected_until().is_none()), "no endpoint stands in for it");
    }
}
