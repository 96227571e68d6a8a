//! [`Endpoints`]: the gateways that stand in for each other.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::time::{Instant, sleep};

use super::balance::EndpointId;
use super::endpoint::{Endpoint, EndpointProbe, FailedConnection};
use super::group_members::{EndpointTie, GroupMember, GroupMembers};
use super::{ConnectError, GatewayReadiness, HeldGateway, Lease};
use crate::config::{Balance, HashBy};
use crate::listener::DELAY;

/// The gateways that stand in for each other; often one. Cheap to clone.
///
/// A gateway that cannot be reached is left alone for a while, and another is tried for the same request. When none can
/// be reached all of them are tried, each time: a request that waits in the [`HoldQueue`](super::HoldQueue) finds the
/// first that is back.
#[derive(Clone)]
pub(crate) struct Endpoints(Arc<EndpointsShared>);

struct EndpointsShared {
    balance: Balance,
    /// The names by which they are found, as they are written, if they come and go.
    found_by: Option<Arc<str>>,
    members: ArcSwap<GroupMembers>,
}

/// The gateways as one request sees them.
pub(crate) struct TiedEndpoints<'a> {
    endpoints: &'a Endpoints,
    tie: EndpointTie,
}

impl Endpoints {
    /// These endpoints, of which there must be at least one.
    pub(crate) fn new(balance: Balance, all: Vec<GroupMember>) -> Self {
        Self::of(balance, None, all)
    }

    /// Endpoints that come and go, as the DNS has them for these names; so far there are these.
    pub(crate) fn found_by(balance: Balance, names: Arc<str>, all: Vec<GroupMember>) -> Self {
        Self::of(balance, Some(names), all)
    }

    fn of(balance: Balance, found_by: Option<Arc<str>>, all: Vec<GroupMember>) -> Self {
        Self(Arc::new(EndpointsShared { balance, found_by, members: ArcSwap::from_pointee(GroupMembers::new(all)) }))
    }

    /// From here on there are these endpoints, and no others.
    pub(crate) fn set(&self, all: Vec<GroupMember>) {
        self.0.members.store(Arc::new(GroupMembers::new(all)));
    }

    /// All endpoints.
    pub(crate) fn all(&self) -> Vec<Arc<Endpoint>> {
        self.0.members.load().all.iter().map(|member| Arc::clone(&member.endpoint)).collect()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.members.load().all.len()
    }

    /// Whether there are several, or may be.
    pub(crate) fn are_several(&self) -> bool {
        self.0.found_by.is_some() || self.count() > 1
    }

    /// By what clients are told apart, where that decides which endpoint they get.
    pub(crate) fn hash_by(&self) -> Option<&HashBy> {
        match &self.0.balance {
            Balance::Hash(by) if self.are_several() => Some(by),
            _ => None,
        }
    }

    /// The endpoints as a request sees them that is tied so.
    pub(crate) fn tied(&self, tie: EndpointTie) -> TiedEndpoints<'_> {
        TiedEndpoints { endpoints: self, tie }
    }

    /// The number of the endpoint that `lease` leads to.
    pub(crate) fn id_of(&self, lease: &Lease) -> Option<EndpointId> {
        lease.endpoint().map(|endpoint| endpoint.id()).or_else(|| Some(self.only(&self.0.members.load())?.id()))
    }

    /// Notes that the connection of `lease` was closed without an answer. Returns whether another gateway can be asked
    /// instead.
    pub(crate) fn failed(&self, lease: &FailedConnection) -> bool {
        let Some(endpoint) = &lease.0 else { return false };
        endpoint.failed(&"it hung up without an answer");
        let now = Instant::now();
        self.0.members.load().all.iter().any(|other| other.is_up(now))
    }

    /// The only endpoint, where that never changes.
    fn only<'a>(&self, members: &'a GroupMembers) -> Option<&'a Arc<Endpoint>> {
        match (&self.0.found_by, &members.all[..]) {
            (None, [only]) => Some(&only.endpoint),
            _ => None,
        }
    }

    /// Why no endpoint is there to be tried.
    fn none_left(&self, members: &GroupMembers) -> ConnectError {
        match &self.0.found_by {
            Some(names) if members.all.is_empty() => ConnectError::NoGateways(Arc::clone(names)),
            _ => ConnectError::Draining,
        }
    }
}

impl TiedEndpoints<'_> {
    /// A connection to the next endpoint that was used before and seems to be alive.
    pub(crate) fn reuse(&self) -> Option<Lease> {
        let Endpoints(shared) = self.endpoints;
        let members = shared.members.load();
        if let Some(only) = self.endpoints.only(&members) {
            return if only.is_draining() { None } else { only.pool.reuse().map(Lease::from) };
        }
        let next = members.order(&shared.balance, self.tie).into_iter().next()?;
        let endpoint = &members.all[next].endpoint;
        let lease = Lease::from(endpoint.pool.reuse()?);
        // Only when a connection was taken: otherwise the endpoint whose turn it is gets a fresh connection.
        members.took(&shared.balance, next);
        Some(lease.counted(endpoint.busy.enter(), Arc::clone(endpoint)))
    }
}

impl HeldGateway for TiedEndpoints<'_> {
    type Connection = Lease;

    async fn dial(&self) -> Result<Lease, ConnectError> {
        let Endpoints(shared) = self.endpoints;
        let members = shared.members.load_full();
        if let Some(only) = self.endpoints.only(&members) {
            if only.is_draining() {
                return Err(ConnectError::Draining);
            }
            return only.pool.dial().await.map(Lease::from);
        }
        let mut order = members.order(&shared.balance, self.tie);
        if let Some(first) = order.first() {
            members.took(&shared.balance, *first);
        }
        let mut last = self.endpoints.none_left(&members);
        while !order.is_empty() {
            let endpoint = &members.all[order.remove(0)];
            match dial_beside(endpoint, &members, &mut order).await {
                Ok(lease) => return Ok(lease),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Ready as soon as one endpoint is; endpoints that are not are left alone.
    async fn readiness(&self) -> Result<GatewayReadiness, ConnectError> {
        let Endpoints(shared) = self.endpoints;
        let members = shared.members.load_full();
        if let Some(only) = self.endpoints.only(&members) {
            if only.is_draining() {
                return Err(ConnectError::Draining);
            }
            return only.pool.readiness().await;
        }
        let mut found = Err(self.endpoints.none_left(&members));
        for index in members.order(&shared.balance, self.tie) {
            let endpoint = &members.all[index].endpoint;
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

/// Dials `first`. If the DNS has found it and its family is silent for [`DELAY`], the next one of `order` of the other family is
/// tried beside it (RFC 8305): a network whose IPv6 leads nowhere should cost a moment, and one of the two a while without work.
async fn dial_beside(
    first: &GroupMember,
    members: &GroupMembers,
    order: &mut Vec<usize>,
) -> Result<Lease, ConnectError> {
    let mut dialling = std::pin::pin!(dial(first));
    let now = Instant::now();
    let is_other = |index: &usize| {
        let other = &members.all[*index];
        first.ip.zip(other.ip).is_some_and(|(one, other)| one.is_ipv4() != other.is_ipv4()) && other.is_up(now)
    };
    let Some(place) = order.iter().position(is_other) else { return dialling.await };
    tokio::select! {
        dialled = &mut dialling => return dialled,
        () = sleep(DELAY) => {}
    }
    let other = &members.all[order.remove(place)];
    let mut beside = std::pin::pin!(dial(other));
    tokio::select! {
        biased;
        dialled = &mut dialling => if dialled.is_ok() { dialled } else { beside.await },
        dialled = &mut beside => {
            if dialled.is_ok() {
                first.endpoint.failed(&"its address family is silent");
                dialled
            } else {
                dialling.await
            }
        }
    }
}

async fn dial(member: &GroupMember) -> Result<Lease, ConnectError> {
    let endpoint = &member.endpoint;
    let trying = EndpointProbe::begin(endpoint);
    let dialled = endpoint.pool.dial().await.map(Lease::from);
    trying.end();
    match dialled {
        Ok(lease) => Ok(lease.counted(endpoint.busy.enter(), Arc::clone(endpoint))),
        Err(error) => {
            endpoint.failed(&error);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::endpoint::tests::endpoint;

    fn group(balance: Balance, all: impl IntoIterator<Item = Arc<Endpoint>>) -> Endpoints {
        Endpoints::new(balance, all.into_iter().map(GroupMember::from).collect())
    }

    #[tokio::test]
    async fn a_family_that_is_silent_costs_a_moment_and_is_left_alone() {
        use std::net::{IpAddr, SocketAddr};
        use std::time::Duration;

        use crate::upstream::connect::{Connector, tests::silent};
        use crate::upstream::{ConnectionPool, EndpointDrains};

        let Ok(live) = tokio::net::TcpListener::bind("[::1]:0").await else { return };
        let (_full, _queued, port) = silent("127.0.0.2").await;
        let member = |address: SocketAddr| {
            let pool = ConnectionPool::new(Connector::at(address, Some(Duration::from_secs(20)), None), 1024);
            let endpoint = Endpoint::new(format!("http://{address}"), pool, EndpointDrains::default());
            GroupMember { ip: Some(address.ip()), ..GroupMember::from(endpoint) }
        };
        let ip: IpAddr = [127, 0, 0, 2].into();
        let members = vec![member((ip, port).into()), member(live.local_addr().unwrap())];
        let group = Endpoints::found_by(Balance::RoundRobin, "dns+http://gws:1".into(), members);
        let free = EndpointTie::default();
        let began = Instant::now();
        let lease = group.tied(free).dial().await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        assert!(lease.endpoint().unwrap().name().contains("[::1]"));
        let first = &group.all()[0];
        assert!(first.ejected_until().is_some_and(|until| until > Instant::now()));
        assert!(group.tied(free).dial().await.unwrap().endpoint().unwrap().name().contains("[::1]"));
        group.set(Vec::new());
        assert!(matches!(group.tied(free).dial().await, Err(ConnectError::NoGateways(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn the_share_of_one_that_came_later_rises() {
        let [old, new] = [endpoint(), endpoint()].map(GroupMember::from);
        let new = GroupMember { came: Some(Instant::now()), ..new };
        let group = Endpoints::found_by(Balance::RoundRobin, "dns+http://gws:1".into(), vec![old, new]);
        let firsts = |rounds: usize| {
            let members = group.0.members.load_full();
            let first = |_| {
                let first = members.order(&group.0.balance, EndpointTie::default())[0];
                members.took(&group.0.balance, first);
                first
            };
            (0..rounds).map(first).filter(|first| *first == 1).count()
        };
        assert_eq!(firsts(22), 2, "a tenth as much as the other");
        tokio::time::advance(std::time::Duration::from_secs(30)).await;
        assert_eq!(firsts(22), 11);
    }

    #[tokio::test]
    async fn an_endpoint_that_cannot_be_reached_is_left_alone_and_a_reload_keeps_that() {
        let free = EndpointTie::default();
        let (one, two) = (endpoint(), endpoint());
        let both = group(Balance::RoundRobin, [Arc::clone(&one), two]);
        assert!(matches!(both.tied(free).dial().await, Err(ConnectError::Refused)));
        assert!(both.all().iter().all(|endpoint| endpoint.ejected_until().is_some()));
        let later = group(Balance::LeastConnections, [one, endpoint()]);
        assert_eq!(later.0.members.load().order(&later.0.balance, free), [1, 0]);
        let failed = FailedConnection(later.all().get(1).cloned());
        assert!(!later.failed(&failed), "no endpoint is left to ask");
        let only = group(Balance::RoundRobin, [endpoint()]);
        assert!(only.tied(free).dial().await.is_err());
        assert!(only.all().iter().all(|endpoint| endpoint.ejected_until().is_none()), "no endpoint stands in for it");
    }
}
