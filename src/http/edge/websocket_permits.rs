//! [`WebSocketPermits`]: how many WebSockets each client network may have, and may open in a minute.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use crate::cluster::{PendingVerdict, SharedLimits, SharedVerdict};
use crate::http::error::RequestFailure;
use crate::listener::{Network, NetworkTally};
use crate::observe::Metrics;
use crate::observe::log_rate_limit::LogRateLimit;

/// How many WebSockets each client network may have, and may open in a minute. Cheap to clone; the same under every
/// configuration.
#[derive(Clone)]
pub(crate) struct WebSocketPermits(Arc<WebSocketPermitsShared>);

/// The limits of [`WebSocketPermits`]; `None` is unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct WebSocketLimits {
    /// WebSockets of one client network, those that are asked for included.
    pub(crate) per_client: Option<usize>,
    /// WebSockets that one client network asks for in a minute. All of them may come at once.
    pub(crate) new_per_minute: Option<NonZeroU32>,
}

struct WebSocketPermitsShared {
    per_client: AtomicUsize,
    /// In several parts, so that the threads that serve seldom meet at one lock.
    clients: [Mutex<NetworkTally>; PARTS],
    rate: ArcSwapOption<HandshakeRate>,
    lines: LogRateLimit,
    metrics: Arc<Metrics>,
    /// What clients have and do at other replicas.
    others: Option<SharedLimits>,
}

/// How many WebSockets each network has asked for of late.
#[derive(Debug)]
struct HandshakeRate {
    per_minute: NonZeroU32,
    limiter: RateLimiter<Network, HashMapStateStore<Network>, DefaultClock>,
}

/// Permits one WebSocket, from its handshake to its end; given back when dropped.
pub(crate) struct WebSocketPermit(Option<(Arc<WebSocketPermitsShared>, Network)>);

impl WebSocketPermits {
    /// Permits without limits. With `others`, limits are for all replicas together.
    pub(crate) fn new(metrics: Arc<Metrics>, others: Option<SharedLimits>) -> Self {
        Self(Arc::new(WebSocketPermitsShared {
            per_client: AtomicUsize::new(usize::MAX),
            clients: Default::default(),
            rate: ArcSwapOption::empty(),
            lines: LogRateLimit::default(),
            metrics,
            others,
        }))
    }

    /// Gives permits within `limits` from here on. Permits that are already given stay, and count.
    pub(crate) fn resize(&self, limits: WebSocketLimits) {
        self.0.per_client.store(limits.per_client.unwrap_or(usize::MAX), Ordering::Relaxed);
        // What a network has used up stays used up if the limit stays.
        if self.0.rate.load().as_ref().map(|rate| rate.per_minute) != limits.new_per_minute {
            self.0.rate.store(limits.new_per_minute.map(|number| Arc::new(HandshakeRate::new(number))));
        }
    }

    /// A permit for one more WebSocket of `client`. A client without a known address has no limit of its own.
    ///
    /// # Errors
    /// If its network has as many as it may have, or has asked for as many as it may, here or at all replicas together.
    pub(crate) async fn enter(&self, client: Option<IpAddr>) -> Result<WebSocketPermit, RequestFailure> {
        let (permit, pending) = self.begin(client)?;
        let Some(pending) = pending else { return Ok(permit) };
        match pending.soon().await {
            SharedVerdict::Within => Ok(permit),
            SharedVerdict::TooFast(wait) => Err(self.0.refused("limits.new_per_minute_per_client", client, wait)),
            SharedVerdict::TooMany => Err(self.0.refused("limits.websockets_per_client", client, RETRY)),
        }
    }

    /// A permit as far as this replica knows, and the question to all.
    fn begin(&self, client: Option<IpAddr>) -> Result<(WebSocketPermit, Option<PendingVerdict>), RequestFailure> {
        let shared = &self.0;
        let Some(network) = client.map(Network::of) else { return Ok((WebSocketPermit(None), None)) };
        let mut per_minute = None;
        if let Some(rate) = &*shared.rate.load() {
            per_minute = Some(rate.per_minute);
            // A client that has so many networks is not limited by a limit for each of them, and memory is.
            if !rate.has_room() {
                shared.rate.store(Some(Arc::new(HandshakeRate::new(rate.per_minute))));
            }
            rate.check(network).map_err(|wait| shared.refused("limits.new_per_minute_per_client", client, wait))?;
        }
        let mut clients = shared.clients(network);
        let most = shared.per_client.load(Ordering::Relaxed);
        if clients.of(network) >= most {
            drop(clients);
            return Err(shared.refused("limits.websockets_per_client", client, RETRY));
        }
        clients.add(network, 1);
        let most = (most != usize::MAX).then_some(most);
        let limited = shared.others.as_ref().filter(|_| most.is_some() || per_minute.is_some());
        // Under the lock, so that the counts reach the others in the order in which they were made.
        let pending = limited.map(|others| others.enter(network, clients.of(network), most, per_minute));
        drop(clients);
        Ok((WebSocketPermit(Some((Arc::clone(shared), network))), pending))
    }
}

impl WebSocketPermitsShared {
    fn clients(&self, network: Network) -> MutexGuard<'_, NetworkTally> {
        self.clients[network.part(PARTS)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refused(&self, limit: &'static str, client: Option<IpAddr>, retry_after: Duration) -> RequestFailure {
        self.metrics.requests.refused.inc();
        if let Some(kept_back) = self.lines.pass(limit, Instant::now()) {
            let client = client.map(tracing::field::display);
            tracing::warn!(limit, client, kept_back, "a limit is reached; WebSockets beyond it get 429");
        }
        RequestFailure::TooManyWebSockets { retry_after }
    }
}

impl HandshakeRate {
    fn new(per_minute: NonZeroU32) -> Self {
        Self { per_minute, limiter: RateLimiter::hashmap(Quota::per_minute(per_minute)) }
    }

    /// Whether one more network can be remembered.
    fn has_room(&self) -> bool {
        if self.limiter.len() >= MOST_NETWORKS {
            self.limiter.retain_recent();
        }
        self.limiter.len() < MOST_NETWORKS
    }

    /// Counts one more handshake of `network`; the error is how long it must wait for the next.
    fn check(&self, network: Network) -> Result<(), Duration> {
        self.limiter.check_key(&network).map_err(|early| early.wait_time_from(self.limiter.clock().now()))
    }
}

impl Drop for WebSocketPermit {
    fn drop(&mut self) {
        if let Some((shared, network)) = self.0.take() {
            let mut clients = shared.clients(network);
            clients.sub(network, 1);
            if let Some(others) = &shared.others
                && shared.per_client.load(Ordering::Relaxed) != usize::MAX
            {
                others.note(network, clients.of(network));
            }
        }
    }
}

const PARTS: usize = 16;
/// How long a client is told to wait for one of its network's WebSockets to end.
const RETRY: Duration = Duration::from_secs(5);
/// So many networks are remembered at once, some 50 bytes each.
const MOST_NETWORKS: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(per_client: Option<usize>, new_per_minute: Option<u32>) -> WebSocketPermits {
        let permits = WebSocketPermits::new(Arc::default(), None);
        permits.resize(limits(per_client, new_per_minute));
        permits
    }

    fn limits(per_client: Option<usize>, new_per_minute: Option<u32>) -> WebSocketLimits {
        WebSocketLimits { per_client, new_per_minute: new_per_minute.and_then(NonZeroU32::new) }
    }

    #[expect(clippy::unnecessary_wraps, reason = "what is asked for may be none")]
    fn client(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    /// As many permits as `client` gets of ten.
    fn fill(permits: &WebSocketPermits, client: Option<IpAddr>) -> Vec<WebSocketPermit> {
        (0..10).map_while(|_| permits.begin(client).ok().map(|(permit, _)| permit)).collect()
    }

    #[test]
    fn each_network_has_its_own_and_a_client_without_an_address_has_no_limit() {
        for (per_client, new_per_minute, expected) in [
            (None, None, [10, 10, 10]),
            (Some(3), None, [3, 0, 3]),
            (None, Some(4), [4, 0, 4]),
            (Some(2), Some(4), [2, 0, 2]),
            (Some(4), Some(2), [2, 0, 2]),
        ] {
            let permits = permits(per_client, new_per_minute);
            let held = ["2001:db8::1", "2001:db8::ffff", "192.0.2.1"].map(|text| fill(&permits, client(text)));
            assert_eq!(held.each_ref().map(Vec::len), expected, "{per_client:?} {new_per_minute:?}");
            assert_eq!(fill(&permits, None).len(), 10);
            drop(held);
            assert!(permits.0.clients.iter().all(|part| part.lock().unwrap().is_empty()), "nothing is left behind");
        }
    }

    #[test]
    fn one_that_ends_makes_room_and_a_minute_that_is_used_up_does_not() {
        let (open, new) = (permits(Some(1), None), permits(None, Some(1)));
        for (permits, again) in [(open, true), (new, false)] {
            let first = permits.begin(client("192.0.2.1")).unwrap();
            assert!(permits.begin(client("192.0.2.1")).is_err());
            drop(first);
            assert_eq!(permits.begin(client("192.0.2.1")).is_ok(), again);
        }
    }

    #[test]
    fn a_refused_client_is_told_how_long_it_must_wait() {
        let wait = |permits: &WebSocketPermits| match permits.begin(client("192.0.2.1")) {
            Err(RequestFailure::TooManyWebSockets { retry_after }) => retry_after,
            other => panic!("{:?}", other.err()),
        };
        let open = permits(Some(0), None);
        assert_eq!(wait(&open), RETRY);
        let new = permits(None, Some(2));
        let _held = fill(&new, client("192.0.2.1"));
        let wait = wait(&new);
        assert!(wait > Duration::from_secs(20) && wait <= Duration::from_secs(30), "{wait:?}");
    }

    #[test]
    fn a_reload_keeps_what_is_used_up_unless_the_limit_is_another() {
        let permits = permits(Some(2), Some(2));
        let held = fill(&permits, client("192.0.2.1"));
        permits.resize(limits(Some(9), Some(2)));
        assert!(permits.begin(client("192.0.2.1")).is_err(), "the minute is used up");
        permits.resize(limits(Some(2), Some(5)));
        assert!(permits.begin(client("192.0.2.1")).is_err(), "two are open");
        permits.resize(limits(None, None));
        assert_eq!((held.len(), fill(&permits, client("192.0.2.1")).len()), (2, 10));
    }

    #[test]
    fn no_client_makes_more_networks_be_remembered_than_may_be() {
        let permits = permits(None, Some(1));
        for network in 0..u128::try_from(MOST_NETWORKS).unwrap() + 100 {
            let address = std::net::Ipv6Addr::from_bits(0x2001_0db8 << 96 | network << 64);
            assert!(permits.begin(Some(address.into())).is_ok());
        }
        let rate = permits.0.rate.load_full().unwrap();
        assert!(rate.limiter.len() <= MOST_NETWORKS);
    }
}
