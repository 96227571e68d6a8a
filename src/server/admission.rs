//! [`Admission`]: which clients are let in. A permit is a value that gives itself back.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::listener::{ClientPeer, Network, NetworkTally};

/// Which clients are let in, and how many connections there are at once. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    all: Arc<AdmissionState>,
    clients: Arc<ClientCounts>,
}

/// How many connections there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AdmissionLimits {
    /// Connections in all.
    pub(crate) most: usize,
    /// Connections of one client, which is a network: an IPv4 address or an IPv6 /64; `None` is unlimited.
    pub(crate) most_per_client: Option<usize>,
    /// Networks without that limit: proxies, behind which there are many clients.
    pub(crate) exempt: Vec<IpNet>,
}

#[derive(Debug)]
struct AdmissionState {
    permits: Arc<Semaphore>,
    size: Mutex<AdmissionSize>,
}

#[derive(Debug, Clone, Copy)]
struct AdmissionSize {
    most: usize,
    /// Permits that are still held and are not returned to the semaphore when dropped, because the limit was lowered.
    surplus: usize,
}

#[derive(Debug)]
struct ClientCounts {
    limits: ArcSwap<AdmissionLimits>,
    connected: Mutex<NetworkTally>,
}

/// Permits one connection among all; given back when dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    permit: Option<OwnedSemaphorePermit>,
    all: Arc<AdmissionState>,
}

/// Permits one connection among those of one client; given back when dropped.
#[derive(Debug)]
pub(crate) struct PerClientPermit {
    clients: Arc<ClientCounts>,
    client: Network,
}

impl Admission {
    /// An admission that lets clients in within `limits`.
    pub(crate) fn new(limits: AdmissionLimits) -> Self {
        let most = limits.most.min(Semaphore::MAX_PERMITS);
        let all = AdmissionState {
            permits: Arc::new(Semaphore::new(most)),
            size: Mutex::new(AdmissionSize { most, surplus: 0 }),
        };
        let clients = ClientCounts { limits: ArcSwap::from_pointee(limits), connected: Mutex::default() };
        Self { all: Arc::new(all), clients: Arc::new(clients) }
    }

    /// Lets clients in within `limits` from here on. Clients that are inside stay, and count.
    pub(crate) fn resize(&self, limits: AdmissionLimits) {
        self.all.resize(limits.most.min(Semaphore::MAX_PERMITS));
        self.clients.limits.store(Arc::new(limits));
    }

    /// How many connections there are.
    pub(crate) fn connections(&self) -> usize {
        let size = self.all.size();
        (size.most + size.surplus).saturating_sub(self.all.permits.available_permits())
    }

    /// A permit, if one is free.
    pub(crate) fn try_enter(&self) -> Option<ConnectionPermit> {
        let permit = Arc::clone(&self.all.permits).try_acquire_owned().ok()?;
        Some(ConnectionPermit { permit: Some(permit), all: Arc::clone(&self.all) })
    }

    /// The next permit that becomes free. While the accept loop waits here, the kernel keeps the clients that connect
    /// meanwhile.
    pub(crate) async fn enter(&self) -> Option<ConnectionPermit> {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.all.permits).acquire_owned().await.ok()?;
        Some(ConnectionPermit { permit: Some(permit), all: Arc::clone(&self.all) })
    }

    /// A permit for this client; `None` if its connections are not counted by client.
    ///
    /// # Errors
    /// If the client has as many connections as it may have.
    pub(crate) fn enter_client(&self, peer: ClientPeer) -> Result<Option<PerClientPermit>, TooManyConnections> {
        let (limits, Some(ip)) = (self.clients.limits.load(), peer.ip()) else { return Ok(None) };
        if limits.exempt.iter().any(|net| net.contains(&ip)) {
            return Ok(None);
        }
        let client = Network::of(ip);
        let mut connected = self.clients.connected();
        // Counted without a limit too: a reload may set one later.
        if limits.most_per_client.is_some_and(|most| connected.of(client) >= most) {
            return Err(TooManyConnections);
        }
        connected.add(client, 1);
        drop(connected);
        Ok(Some(PerClientPermit { clients: Arc::clone(&self.clients), client }))
    }
}

/// The client has as many connections as `limits.connections_per_client` allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many connections from one client")]
pub(crate) struct TooManyConnections;

impl AdmissionState {
    fn resize(&self, most: usize) {
        let mut size = self.size();
        if let Some(more) = most.checked_sub(size.most) {
            let kept = more.min(size.surplus);
            size.surplus -= kept;
            self.permits.add_permits(more - kept);
        } else {
            let fewer = size.most - most;
            size.surplus += fewer - self.permits.forget_permits(fewer);
        }
        size.most = most;
    }

    fn size(&self) -> std::sync::MutexGuard<'_, AdmissionSize> {
        self.size.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else { return };
        // Under the lock: a permit that is given back is counted before the size changes, or after.
        let mut size = self.all.size();
        if size.surplus > 0 {
            size.surplus -= 1;
            permit.forget();
        } else {
            drop(permit);
        }
    }
}

impl ClientCounts {
    fn connected(&self) -> std::sync::MutexGuard<'_, NetworkTally> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PerClientPermit {
    fn drop(&mut self) {
        self.clients.connected().sub(self.client, 1);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn limits(most: usize, most_per_client: Option<usize>, exempt: &[&str]) -> AdmissionLimits {
        AdmissionLimits { most, most_per_client, exempt: exempt.iter().map(|net| net.parse().unwrap()).collect() }
    }

    fn peer(ip: &str) -> ClientPeer {
        ClientPeer::tcp((ip.parse::<IpAddr>().unwrap(), 1).into())
    }

    #[test]
    fn permits_are_limited_in_all_and_given_back() {
        let admission = Admission::new(limits(2, None, &[]));
        let (first, second) = (admission.try_enter(), admission.try_enter());
        assert!(first.is_some() && second.is_some() && admission.try_enter().is_none());
        drop(first);
        assert!(admission.try_enter().is_some());
    }

    #[test]
    fn a_lower_limit_lets_no_client_in_before_enough_have_left_and_a_higher_one_lets_in_at_once() {
        let admission = Admission::new(limits(3, None, &[]));
        let mut inside: Vec<_> = (0..3).map(|_| admission.try_enter().unwrap()).collect();
        admission.resize(limits(1, None, &[]));
        assert_eq!(admission.connections(), 3);
        for left in [2, 1] {
            inside.pop();
            assert_eq!(admission.connections(), left);
            assert!(admission.try_enter().is_none(), "{left} inside, 1 may be");
        }
        admission.resize(limits(2, None, &[]));
        inside.push(admission.try_enter().unwrap());
        assert!(admission.try_enter().is_none());
        // Less and more again, while both connections are inside.
        admission.resize(limits(1, None, &[]));
        admission.resize(limits(3, None, &[]));
        inside.push(admission.try_enter().unwrap());
        assert!(admission.try_enter().is_none());
        inside.clear();
        assert_eq!(admission.connections(), 0);
        assert_eq!((0..9).map_while(|_| admission.try_enter().map(|place| inside.push(place))).count(), 3);
    }

    #[test]
    fn a_limit_for_each_client_counts_connections_that_came_before_it() {
        let admission = Admission::new(limits(9, None, &[]));
        let before = admission.enter_client(peer("192.0.2.1")).unwrap();
        admission.resize(limits(9, Some(1), &[]));
        assert!(admission.enter_client(peer("192.0.2.1")).is_err());
        drop(before);
        assert!(admission.enter_client(peer("192.0.2.1")).is_ok());
    }

    #[test]
    fn each_client_has_permits_of_its_own() {
        let rows: &[(&str, &str, bool)] = &[
            ("192.0.2.1", "192.0.2.1", false),
            ("192.0.2.1", "192.0.2.2", true),
            ("2001:db8::1", "2001:db8::ffff", false),
            ("2001:db8::1", "2001:db8:0:1::1", true),
            ("10.0.0.1", "10.0.0.1", true),
        ];
        for (first, second, enters) in rows {
            let admission = Admission::new(limits(9, Some(1), &["10.0.0.0/8"]));
            let place = admission.enter_client(peer(first)).unwrap();
            assert_eq!(admission.enter_client(peer(second)).is_ok(), *enters, "{first} then {second}");
            drop(place);
            assert!(admission.enter_client(peer(first)).is_ok(), "{first} again");
            assert!(admission.clients.connected().is_empty(), "no client is left behind");
        }
    }
}
