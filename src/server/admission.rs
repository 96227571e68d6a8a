//! [`Admission`]: who is let in. A place is a value that gives itself back.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::listener::Peer;

/// Who is let in, and how many at once.
#[derive(Debug, Clone)]
pub struct Admission {
    all: Arc<Semaphore>,
    clients: Arc<Clients>,
}

#[derive(Debug)]
struct Clients {
    most: Option<usize>,
    /// Proxies: what comes from them comes from many clients.
    exempt: Vec<IpNet>,
    connected: Mutex<HashMap<IpAddr, usize>>,
}

/// A place among all connections.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

/// A place among one client's connections.
#[derive(Debug)]
pub struct ClientPlace {
    clients: Arc<Clients>,
    client: IpAddr,
}

impl Admission {
    /// At most `most` connections in all, and `most_per_client` from one address that is not in `exempt`.
    pub fn new(most: usize, most_per_client: Option<usize>, exempt: Vec<IpNet>) -> Self {
        let clients = Clients { most: most_per_client, exempt, connected: Mutex::default() };
        Self { all: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))), clients: Arc::new(clients) }
    }

    /// A place, if one is free.
    pub fn try_enter(&self) -> Option<Place> {
        Some(Place { _permit: Arc::clone(&self.all).try_acquire_owned().ok()? })
    }

    /// The next place that becomes free. Whoever waits here lets the kernel keep the clients that knock meanwhile.
    pub async fn enter(&self) -> Option<Place> {
        // The semaphore is never closed.
        Some(Place { _permit: Arc::clone(&self.all).acquire_owned().await.ok()? })
    }

    /// A place for this client.
    ///
    /// # Errors
    /// It has as many as it may have.
    pub fn enter_client(&self, peer: Peer) -> Result<Option<ClientPlace>, TooMany> {
        let (Some(most), Some(ip)) = (self.clients.most, peer.ip()) else { return Ok(None) };
        if self.clients.exempt.iter().any(|net| net.contains(&ip)) {
            return Ok(None);
        }
        let client = network_of(ip);
        let mut connected = self.clients.connected();
        let count = connected.entry(client).or_default();
        if *count >= most {
            return Err(TooMany);
        }
        *count += 1;
        drop(connected);
        Ok(Some(ClientPlace { clients: Arc::clone(&self.clients), client }))
    }
}

/// The client has as many connections as `limits.connections_per_client` allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many connections from one client")]
pub struct TooMany;

impl Clients {
    fn connected(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ClientPlace {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.clients.connected().entry(self.client) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// Who has one IPv6 address has all of its /64, so that counts as one client.
fn network_of(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(ip: &str) -> Peer {
        Peer::tcp((ip.parse::<IpAddr>().unwrap(), 1).into())
    }

    #[test]
    fn places_are_limited_in_all_and_given_back() {
        let admission = Admission::new(2, None, Vec::new());
        let (first, second) = (admission.try_enter(), admission.try_enter());
        assert!(first.is_some() && second.is_some() && admission.try_enter().is_none());
        drop(first);
        assert!(admission.try_enter().is_some());
    }

    #[test]
    fn each_client_has_places_of_its_own() {
        let rows: &[(&str, &str, bool)] = &[
            ("192.0.2.1", "192.0.2.1", false),
            ("192.0.2.1", "192.0.2.2", true),
            ("2001:db8::1", "2001:db8::ffff", false),
            ("2001:db8::1", "2001:db8:0:1::1", true),
            ("10.0.0.1", "10.0.0.1", true),
        ];
        for (first, second, enters) in rows {
            let admission = Admission::new(9, Some(1), vec!["10.0.0.0/8".parse().unwrap()]);
            let place = admission.enter_client(peer(first)).unwrap();
            assert_eq!(admission.enter_client(peer(second)).is_ok(), *enters, "{first} then {second}");
            drop(place);
            assert!(admission.enter_client(peer(first)).is_ok(), "{first} again");
            assert!(admission.clients.connected().is_empty(), "nobody is left behind");
        }
    }
}
