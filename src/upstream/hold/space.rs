//! [`HoldSpace`]: how many requests may wait for gateways, and how much memory they may take.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::wait_list::WaitPurpose;
use crate::listener::{Network, NetworkShare};

/// Bounds the requests and upgrades that wait, counted over all hold queues together. Cheap to clone.
///
/// A client network has its [`NetworkShare`] of the places and of the memory. What cannot be attributed to an address counts as one network.
#[derive(Debug, Clone)]
pub(crate) struct HoldSpace(Arc<HoldSpaceShared>);

/// The bounds of a [`HoldSpace`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HoldLimits {
    /// How many requests and upgrades may wait.
    pub(crate) places: usize,
    /// How many of `places` requests leave to upgrades: a program waits behind those, and comes back later and later
    /// each time it is turned away.
    pub(crate) for_upgrades: usize,
    /// Bytes of all heads and bodies, with 16 KiB for everything else that belongs to each waiting request.
    pub(crate) bytes: usize,
}

#[derive(Debug)]
struct HoldSpaceShared {
    limits: HoldLimits,
    used: Mutex<HoldSpaceUse>,
}

#[derive(Debug, Default)]
struct HoldSpaceUse {
    places: NetworkShare<Option<Network>>,
    bytes: NetworkShare<Option<Network>>,
}

/// Permits one request or upgrade to wait; given back when dropped.
#[derive(Debug)]
pub(super) struct HoldPermit {
    space: HoldSpace,
    client: Option<Network>,
    bytes: usize,
}

impl HoldSpace {
    /// A space with these limits, in which no request waits yet.
    pub(crate) fn new(limits: HoldLimits) -> Self {
        Self(Arc::new(HoldSpaceShared { limits, used: Mutex::default() }))
    }

    /// A permit for a request of `client`, whose head and body take `bytes`; `None` if there is no room for it.
    pub(super) fn take(&self, asked: WaitPurpose, client: Option<Network>, bytes: usize) -> Option<HoldPermit> {
        let HoldLimits { places, for_upgrades, bytes: memory } = self.0.limits;
        let bytes = bytes.saturating_add(EACH);
        let (places, memory) = match asked {
            WaitPurpose::Request => (places.saturating_sub(for_upgrades), memory - memory / 4),
            WaitPurpose::Upgrade => (places, memory),
        };
        let mut used = self.used();
        if !used.places.grants(client, 1, places) || !used.bytes.grants(client, bytes, memory) {
            return None;
        }
        used.places.add(client, 1);
        used.bytes.add(client, bytes);
        drop(used);
        Some(HoldPermit { space: self.clone(), client, bytes })
    }

    fn used(&self) -> MutexGuard<'_, HoldSpaceUse> {
        self.0.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HoldPermit {
    fn drop(&mut self) {
        let mut used = self.space.used();
        used.places.sub(self.client, 1);
        used.bytes.sub(self.client, self.bytes);
    }
}

impl Default for HoldLimits {
    /// The limits for a machine with plenty of memory.
    fn default() -> Self {
        Self { places: 1024, for_upgrades: 256, bytes: 32 << 20 }
    }
}

/// Bytes that belong to a waiting request besides its head and body: its task, its log line, and what its connection
/// keeps for it.
pub(super) const EACH: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HoldLimits = HoldLimits { places: 1024, for_upgrades: 256, bytes: 64 << 20 };

    #[expect(clippy::unnecessary_wraps, reason = "what is asked for may be none")]
    fn client(number: u32) -> Option<Network> {
        Some(Network::of(std::net::IpAddr::V4(number.into())))
    }

    /// As many permits as `client` gets.
    fn fill(space: &HoldSpace, asked: WaitPurpose, client: Option<Network>, bytes: usize) -> Vec<HoldPermit> {
        std::iter::from_fn(|| space.take(asked, client, bytes)).collect()
    }

    #[test]
    fn one_network_leaves_permits_to_others_and_requests_leave_some_to_upgrades() {
        for one in [client(1), None] {
            let space = HoldSpace::new(LIMITS);
            let alone = fill(&space, WaitPurpose::Request, one, 0);
            assert_eq!(alone.len(), 384, "half of what requests may have");
            let mut others: Vec<_> =
                (2..20).flat_map(|number| fill(&space, WaitPurpose::Request, client(number), 0)).collect();
            // However many there are, the next network gets a permit for its upgrade.
            for number in 20..200 {
                let place = space.take(WaitPurpose::Upgrade, client(number), 0);
                assert!(place.is_some(), "{number}");
                others.extend(place);
            }
            assert!(space.take(WaitPurpose::Request, one, 0).is_none());
            drop((alone, others));
            let used = space.used();
            assert!(used.places.is_empty() && used.bytes.is_empty(), "nothing is left behind");
        }
    }

    #[test]
    fn no_more_than_all_permits_and_all_bytes_are_taken() {
        let (space, mut all) = (HoldSpace::new(LIMITS), Vec::new());
        for number in 0..5000 {
            all.extend(space.take(WaitPurpose::Request, client(number), 0));
        }
        assert_eq!(all.len(), 768);
        for number in 0..5000 {
            all.extend(space.take(WaitPurpose::Upgrade, client(number), 0));
        }
        assert_eq!(all.len(), 1024);
        drop(all);
        let (head, mut all) = (1 << 20, Vec::new());
        for number in 0..5000 {
            all.extend(space.take(WaitPurpose::Request, client(number), head));
            all.extend(space.take(WaitPurpose::Upgrade, client(number), head));
        }
        assert!(space.used().bytes.used() <= LIMITS.bytes && space.used().bytes.used() > LIMITS.bytes - 2 * head);
        assert!(space.take(WaitPurpose::Upgrade, client(9999), usize::MAX).is_none());
    }

    #[test]
    fn large_heads_of_one_network_leave_memory_to_others() {
        let space = HoldSpace::new(LIMITS);
        let large = fill(&space, WaitPurpose::Request, client(1), 1 << 20);
        assert!(large.len() < 24, "{}", large.len());
        assert!(fill(&space, WaitPurpose::Request, client(2), 1000).len() > 200);
    }
}
