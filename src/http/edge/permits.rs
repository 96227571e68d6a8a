//! [`Permits`]: how many requests may be under way, in all and of each client network.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::http::error::RequestFailure;
use crate::listener::{Network, NetworkTally};
use crate::observe::Metrics;
use crate::observe::log_rate_limit::LogRateLimit;

/// How many requests may be under way, in all and of each client network. Cheap to clone; the same under every
/// configuration.
///
/// Few networks must not keep all others out, and neither must many that have a few each. So the last quarter of all permits goes to
/// networks that have fewer than 16, and the last eighth to networks that have none. While that quarter is in use, a request
/// over HTTP/1.1 whose client takes nothing of the answer for 5 seconds ends, unless it is the only one of its network: see
/// [`TakeLimit`]. Over HTTP/2 the library would keep what it has of the answer, so the request keeps its permit as well.
#[derive(Debug, Clone)]
pub(crate) struct Permits(Arc<PermitsShared>);

/// The limits of [`Permits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PermitLimits {
    /// Requests under way in all.
    pub(crate) requests: usize,
    /// Requests under way of one client network; `None` is unlimited.
    pub(crate) per_client: Option<usize>,
    /// Requests and WebSockets together: each may have a connection to a gateway.
    pub(crate) gateway: usize,
}

#[derive(Debug)]
struct PermitsShared {
    requests: PermitCounter,
    gateway: PermitCounter,
    per_client: AtomicUsize,
    /// In several parts, so that the threads that serve seldom meet at one lock.
    clients: [Mutex<NetworkTally>; PARTS],
    lines: LogRateLimit,
    metrics: Arc<Metrics>,
}

/// How many permits of a kind are given, and may be.
#[derive(Debug, Default)]
struct PermitCounter {
    are: AtomicUsize,
    most: AtomicUsize,
}

/// Permits one request to be under way, from its head to the end of its answer; given back when dropped.
#[derive(Debug)]
pub(crate) struct RequestPermit {
    shared: Arc<PermitsShared>,
    client: Option<Network>,
    /// Whether its share of [`PermitLimits::gateway`] has not been handed on.
    has_gateway: bool,
}

/// How long a client may take nothing of its answer. The time is shorter while the last quarter of all permits is in use.
#[derive(Debug, Clone, Default)]
pub(crate) struct TakeLimit {
    limit: Option<Duration>,
    /// The permits that are waited for, and the network that has one of them.
    held: Option<(Permits, Network)>,
}

/// Permits one WebSocket to have a connection to a gateway; given back when dropped.
#[derive(Debug)]
pub(crate) struct GatewayPermit(Arc<PermitsShared>);

impl Permits {
    /// Permits without limits yet: none is given before [`Permits::resize`].
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(PermitsShared {
            requests: PermitCounter::default(),
            gateway: PermitCounter::default(),
            per_client: AtomicUsize::new(0),
            clients: Default::default(),
            lines: LogRateLimit::default(),
            metrics,
        }))
    }

    /// Gives permits within `limits` from here on. Permits that are already given stay, and count.
    pub(crate) fn resize(&self, limits: PermitLimits) {
        self.0.requests.most.store(limits.requests, Ordering::Relaxed);
        self.0.gateway.most.store(limits.gateway, Ordering::Relaxed);
        self.0.per_client.store(limits.per_client.unwrap_or(usize::MAX), Ordering::Relaxed);
    }

    /// How many requests are under way.
    pub(crate) fn requests(&self) -> usize {
        self.0.requests.are.load(Ordering::Relaxed)
    }

    /// A permit for one more request of `client`; a request without a known address counts in all only.
    ///
    /// # Errors
    /// If as many are given as there may be.
    pub(crate) fn enter(&self, client: Option<IpAddr>) -> Result<RequestPermit, RequestFailure> {
        let shared = &self.0;
        if !shared.requests.enter() {
            return Err(shared.refused("limits.requests", client));
        }
        if !shared.gateway.enter() {
            shared.requests.leave();
            return Err(shared.refused("limits.requests", client));
        }
        // From here on dropping the permit gives back what it has.
        let mut permit = RequestPermit { shared: Arc::clone(shared), client: None, has_gateway: true };
        if let Some(network) = client.map(Network::of) {
            let mut clients = shared.clients(network);
            let has = clients.of(network);
            if has >= shared.per_client.load(Ordering::Relaxed) {
                drop(clients);
                return Err(shared.refused("limits.requests_per_client", client));
            }
            if has >= shared.requests.most_for_one() {
                drop(clients);
                return Err(shared.refused("limits.requests", client));
            }
            clients.add(network, 1);
            permit.client = Some(network);
        }
        Ok(permit)
    }
}

impl PermitsShared {
    fn clients(&self, network: Network) -> MutexGuard<'_, NetworkTally> {
        self.clients[network.part(PARTS)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refused(&self, limit: &'static str, client: Option<IpAddr>) -> RequestFailure {
        self.metrics.requests.refused.inc();
        if let Some(kept_back) = self.lines.pass(limit, Instant::now()) {
            let client = client.map(tracing::field::display);
            tracing::warn!(limit, client, kept_back, "a limit is reached; requests beyond it get 429");
        }
        RequestFailure::TooManyRequests
    }
}

impl PermitCounter {
    fn enter(&self) -> bool {
        let entered = self.are.fetch_add(1, Ordering::Relaxed) < self.most.load(Ordering::Relaxed);
        if !entered {
            self.leave();
        }
        entered
    }

    fn leave(&self) {
        self.are.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many a network may have in the end that gets one more, which is counted already.
    fn most_for_one(&self) -> usize {
        let (most, are) = (self.most.load(Ordering::Relaxed), self.are.load(Ordering::Relaxed));
        match most.saturating_sub(are) {
            left if left < most / 8 => 1,
            left if left < most / 4 => FEW,
            _ => usize::MAX,
        }
    }

    /// Whether the last quarter is in use.
    fn is_strained(&self) -> bool {
        self.most_for_one() < usize::MAX
    }
}

impl RequestPermit {
    /// The permit of the WebSocket that the request becomes: the request ends with its 101, its connection to the
    /// gateway does not.
    pub(crate) fn hand_on(&mut self) -> GatewayPermit {
        if !std::mem::replace(&mut self.has_gateway, false) {
            // Each WebSocket asks once; this keeps the count right if one asks twice.
            self.shared.gateway.are.fetch_add(1, Ordering::Relaxed);
        }
        GatewayPermit(Arc::clone(&self.shared))
    }

    /// `limit` for the answer of this request, which others may wait for.
    pub(crate) fn take_limit(&self, limit: Option<Duration>) -> TakeLimit {
        TakeLimit { limit, held: self.client.map(|network| (Permits(Arc::clone(&self.shared)), network)) }
    }
}

impl TakeLimit {
    /// A limit of an answer that has no permit; `None` is for ever.
    pub(crate) fn fixed(limit: Option<Duration>) -> Self {
        Self { limit, held: None }
    }

    /// The limit of this moment; `None` is for ever.
    pub(crate) fn current(&self) -> Option<Duration> {
        if self.gives_way() {
            Some(self.limit.map_or(STRAINED_TAKE, |limit| limit.min(STRAINED_TAKE)))
        } else {
            self.limit
        }
    }

    /// Whether the last quarter of all permits is in use, and the network has others besides this one.
    fn gives_way(&self) -> bool {
        let Some((Permits(shared), network)) = &self.held else { return false };
        shared.requests.is_strained() && shared.clients(*network).of(*network) > 1
    }
}

impl Drop for RequestPermit {
    fn drop(&mut self) {
        self.shared.requests.leave();
        if self.has_gateway {
            self.shared.gateway.leave();
        }
        if let Some(network) = self.client {
            self.shared.clients(network).sub(network, 1);
        }
    }
}

impl Drop for GatewayPermit {
    fn drop(&mut self) {
        self.0.gateway.leave();
    }
}

/// So many requests a network may have of the last quarter: as many as a browser asks at once.
const FEW: usize = 16;
/// How long a client may take nothing of its answer while that quarter is in use.
const STRAINED_TAKE: Duration = Duration::from_secs(5);
/// How often a request whose client takes nothing looks whether that quarter is in use.
pub(crate) const STRAIN_LOOK: Duration = Duration::from_secs(2);
const PARTS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(requests: usize, per_client: Option<usize>, gateway: usize) -> Permits {
        let permits = Permits::new(Arc::default());
        permits.resize(PermitLimits { requests, per_client, gateway });
        permits
    }

    #[expect(clippy::unnecessary_wraps, reason = "what is asked for may be none")]
    fn client(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    /// As many permits as `client` gets.
    fn fill(permits: &Permits, client: Option<IpAddr>) -> Vec<RequestPermit> {
        std::iter::from_fn(|| permits.enter(client).ok()).collect()
    }

    fn is_empty(permits: &Permits) -> bool {
        permits.requests() == 0
            && permits.0.gateway.are.load(Ordering::Relaxed) == 0
            && permits.0.clients.iter().all(|part| part.lock().unwrap().is_empty())
    }

    #[test]
    fn each_network_has_as_many_as_it_may_and_all_have_no_more_than_all() {
        let rows = [
            // In all, of each, and towards gateways; how many a network gets, and another one, and one without an
            // address.
            ((100, Some(10), 100), (10, 10, 67)),
            ((100, None, 100), (75, 13, 12)),
            ((100, None, 50), (50, 0, 0)),
            ((10, Some(256), 10), (9, 1, 0)),
        ];
        for ((requests, per_client, gateway), (first, second, unknown)) in rows {
            let permits = permits(requests, per_client, gateway);
            let one = fill(&permits, client("2001:db8::1"));
            let same = fill(&permits, client("2001:db8::2"));
            assert_eq!((one.len(), same.len()), (first, 0), "{requests} {per_client:?} {gateway}");
            let two = fill(&permits, client("192.0.2.1"));
            let three = fill(&permits, None);
            assert_eq!(two.len(), second, "{requests} {per_client:?} {gateway}");
            assert!(three.len() >= unknown, "{requests} {per_client:?} {gateway}: {}", three.len());
            assert!(permits.requests() <= requests);
            drop((one, same, two, three));
            assert!(is_empty(&permits), "nothing is left behind");
        }
    }

    #[test]
    fn a_few_networks_that_take_much_leave_room_for_the_next() {
        let permits = permits(1664, Some(256), 10_000);
        let many: Vec<_> = (0..8).map(|n| fill(&permits, Some([192, 0, 2, n].into()))).collect();
        let all: usize = many.iter().map(Vec::len).sum();
        assert!(all > 1248 && many[0].len() == 256, "{all}");
        // Ten more networks get one each, and the networks that took much get nothing.
        let few: Vec<_> = (0..10).map(|n| permits.enter(Some([198, 51, 100, n].into()))).collect();
        assert!(few.iter().all(Result::is_ok));
        assert!(permits.enter(Some([192, 0, 2, 0].into())).is_err());
    }

    #[test]
    fn many_networks_that_take_a_few_leave_room_for_the_next() {
        let permits = permits(832, Some(256), 10_000);
        let mut held = Vec::new();
        // In turns, as they come; what is refused is asked for again.
        for _ in 0..50 {
            held.extend((0..100).filter_map(|n| permits.enter(Some([192, 0, 2, n].into())).ok()));
        }
        let others: Vec<_> = (0..104).map(|n| permits.enter(Some([198, 51, 100, n].into()))).collect();
        assert!(others.iter().all(Result::is_ok), "{}", held.len());
        assert_eq!((held.len(), permits.requests()), (728, 832));
    }

    #[test]
    fn an_untaken_answer_gives_way_while_nearly_all_permits_are_taken_unless_it_is_the_only_one_of_its_network() {
        let long = Some(Duration::from_mins(1));
        let permits = permits(32, None, 100);
        let many = fill(&permits, client("192.0.2.1"));
        let few = fill(&permits, client("192.0.2.2"));
        let one = permits.enter(client("192.0.2.3")).unwrap();
        let rows = [
            // The request, its limit, and the limit that it has while permits are short.
            (&many[0], long, Some(STRAINED_TAKE)),
            (&few[0], None, Some(STRAINED_TAKE)),
            (&few[0], Some(Duration::from_secs(1)), Some(Duration::from_secs(1))),
            (&one, long, long),
        ];
        let limits: Vec<_> = rows.iter().map(|(permit, limit, _)| permit.take_limit(*limit)).collect();
        for (limit, (_, _, strained)) in limits.iter().zip(&rows) {
            assert_eq!(limit.current(), *strained, "{limit:?}");
        }
        let usual: Vec<_> = rows.iter().map(|(_, limit, _)| *limit).collect();
        drop((many, one));
        assert_eq!(limits.iter().map(TakeLimit::current).collect::<Vec<_>>(), usual);
        assert_eq!(TakeLimit::fixed(long).current(), long);
    }

    #[test]
    fn a_websocket_keeps_its_connection_to_the_gateway_and_nothing_else() {
        let permits = permits(2, Some(1), 2);
        let mut request = permits.enter(client("192.0.2.1")).unwrap();
        let socket = request.hand_on();
        drop(request);
        assert_eq!(permits.requests(), 0);
        let next = permits.enter(client("192.0.2.1")).unwrap();
        assert!(permits.enter(client("192.0.2.2")).is_err(), "the gateway has two connections");
        drop(socket);
        let other = permits.enter(client("192.0.2.2")).unwrap();
        drop((next, other));
        assert!(is_empty(&permits));
    }

    #[test]
    fn fewer_or_more_from_one_moment_to_the_next_and_those_that_are_there_stay() {
        let permits = permits(5, Some(5), 5);
        let mut all = fill(&permits, client("192.0.2.1"));
        permits.resize(PermitLimits { requests: 2, per_client: Some(2), gateway: 5 });
        for left in [4, 3, 2] {
            assert!(permits.enter(client("192.0.2.1")).is_err(), "{left}");
            all.pop();
        }
        all.pop();
        assert!(permits.enter(client("192.0.2.1")).is_ok());
        permits.resize(PermitLimits { requests: 7, per_client: None, gateway: 9 });
        all.extend(fill(&permits, client("192.0.2.1")));
        assert_eq!(all.len(), 7);
    }

    #[test]
    fn threads_that_come_and_go_leave_nothing_behind() {
        let permits = permits(50, Some(20), 40);
        std::thread::scope(|scope| {
            for thread in 0..8_u8 {
                let permits = &permits;
                scope.spawn(move || {
                    for round in 0..2000 {
                        let mut held = fill(permits, Some([192, 0, 2, thread % 3].into()));
                        assert!(permits.requests() <= 50 + 8);
                        if let (true, Some(first)) = (round % 3 == 0, held.first_mut()) {
                            drop(first.hand_on());
                        }
                    }
                });
            }
        });
        assert!(is_empty(&permits));
    }
}
