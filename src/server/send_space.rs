//! [`SendSpace`]: how much memory the answers may take that HTTP/2 clients do not take.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::listener::{Network, NetworkShare};

/// How much memory the answers on all HTTP/2 connections may take that their clients do not take. Each client network has
/// its [`NetworkShare`]. Cheap to clone; the same under every configuration.
#[derive(Debug, Clone)]
pub(crate) struct SendSpace(Arc<SendSpaceShared>);

#[derive(Debug)]
struct SendSpaceShared {
    most: usize,
    leased: Mutex<NetworkShare<Option<Network>>>,
}

/// What one connection has of a [`SendSpace`]. It grows in large steps, so that the space is rarely asked. Dropped, it
/// has nothing.
#[derive(Debug)]
pub(super) struct SendLease {
    space: SendSpace,
    client: Option<Network>,
    /// Changed with the lock of the space only.
    bytes: AtomicUsize,
}

impl SendSpace {
    /// So many bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(SendSpaceShared { most, leased: Mutex::default() }))
    }

    /// A lease of nothing yet, for a connection of `client`.
    pub(super) fn lease(&self, client: Option<IpAddr>) -> SendLease {
        SendLease { space: self.clone(), client: client.map(Network::of), bytes: AtomicUsize::new(0) }
    }

    fn leased(&self) -> MutexGuard<'_, NetworkShare<Option<Network>>> {
        self.0.leased.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SendLease {
    /// Whether the lease has so many bytes. It grows to them if there is room.
    pub(super) fn covers(&self, bytes: usize) -> bool {
        if bytes <= self.bytes.load(Ordering::Relaxed) {
            return true;
        }
        let mut leased = self.space.leased();
        let more = bytes.next_multiple_of(STEP).saturating_sub(self.bytes.load(Ordering::Relaxed));
        let granted = leased.grants(self.client, more, self.space.0.most);
        if granted {
            leased.add(self.client, more);
            self.bytes.fetch_add(more, Ordering::Relaxed);
        }
        granted
    }

    /// Whether the lease has nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) == 0
    }

    /// Gives everything back.
    pub(super) fn give_back(&self) {
        if !self.is_empty() {
            let mut leased = self.space.leased();
            leased.sub(self.client, self.bytes.swap(0, Ordering::Relaxed));
        }
    }
}

impl Drop for SendLease {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// A lease grows by so many bytes at a time.
const STEP: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "what is asked for may be none")]
    fn client(number: u8) -> Option<IpAddr> {
        Some([192, 0, 2, number].into())
    }

    #[test]
    fn a_lease_grows_in_steps_and_gives_back_all() {
        let space = SendSpace::new(16 * STEP);
        let lease = space.lease(client(1));
        assert!(lease.is_empty());
        // Bytes that are asked for; whether they are granted; steps that are used.
        let rows = [(1, true, 1), (STEP, true, 1), (STEP + 1, true, 2), (8 * STEP, true, 8), (9 * STEP, false, 8)];
        for (bytes, granted, steps) in rows {
            assert_eq!((lease.covers(bytes), space.leased().used()), (granted, steps * STEP), "{bytes}");
        }
        lease.give_back();
        assert!(lease.is_empty() && space.leased().is_empty());
        assert!(lease.covers(3));
        drop(lease);
        assert!(space.leased().is_empty());
    }

    #[test]
    fn one_network_leaves_room_for_the_next_however_many_connections_it_has() {
        let space = SendSpace::new(64 * STEP);
        let fill = |number| {
            (0..64).map(|_| space.lease(client(number))).filter(|lease| lease.covers(STEP)).collect::<Vec<_>>()
        };
        let leases: Vec<_> = (0..3).map(fill).collect();
        assert_eq!(leases.iter().map(Vec::len).collect::<Vec<_>>(), [32, 16, 8]);
        drop(leases);
        assert!(space.leased().is_empty());
    }
}
