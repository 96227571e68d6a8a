//! [`SendBudget`]: how much of its answers a connection keeps ready for a client that does not take them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::io::TEXT;
use crate::server::send_space::SendLease;

/// The bytes of answers that were handed to the h2 library and are not written yet, of all streams of one connection.
/// The library takes any amount, however small the client's windows are, so its memory is bounded by what it is given.
/// They are leased from the [`SendSpace`](crate::server::send_space::SendSpace) of all connections, once the client has
/// taken [`PROOF`]: a client that reads at a crawl never has more than a little under way.
///
/// Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct SendBudget(Arc<SendBudgetShared>);

#[derive(Debug)]
struct SendBudgetShared {
    used: AtomicUsize,
    /// Bytes that the client's socket has taken since the connection began.
    taken: AtomicUsize,
    lease: SendLease,
}

/// How much a stream may hand over next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SendAllowance {
    /// As much as the body has.
    Full,
    /// A little: the budget is used up, and this stream has no bytes under way. So no stream waits for another one, and
    /// streams that the client does not read cannot stop one that it reads.
    Little,
    /// Nothing, before the bytes that it has under way are written.
    Wait,
}

impl SendBudget {
    /// The budget of a connection that leases what it keeps ready.
    pub(super) fn new(lease: SendLease) -> Self {
        Self(Arc::new(SendBudgetShared { used: AtomicUsize::new(0), taken: AtomicUsize::new(0), lease }))
    }

    /// How much a stream may hand over that has so many bytes under way, and whose body has at most `left` more.
    pub(super) fn turn(&self, under_way: usize, left: Option<u64>) -> SendAllowance {
        let used = self.0.used.load(Ordering::Relaxed);
        // A short answer alone costs no more than a little of a long one does.
        let is_little = used == 0 && left.is_some_and(|left| left <= LITTLE as u64);
        let reads = self.0.taken.load(Ordering::Relaxed) >= PROOF;
        let fits = is_little || reads && used < MOST && self.0.lease.covers(used + BESIDE);
        match (fits, under_way) {
            (true, _) => SendAllowance::Full,
            (false, 0) => SendAllowance::Little,
            (false, _) => SendAllowance::Wait,
        }
    }

    /// Counts bytes that were handed over.
    pub(super) fn take(&self, bytes: usize) {
        self.0.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Gives back bytes that were written, or thrown away with their stream.
    pub(super) fn give_back(&self, bytes: usize) {
        self.0.used.fetch_sub(bytes, Ordering::Relaxed);
        self.0.taken.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How many bytes may be kept to be written at once.
    pub(super) fn write_at_once(&self) -> usize {
        if self.0.lease.is_empty() { LITTLE } else { TEXT }
    }

    /// Gives the lease back if no bytes are under way. The client's socket has taken all that was written.
    pub(super) fn drained(&self) {
        if self.0.used.load(Ordering::Relaxed) == 0 {
            self.0.lease.give_back();
        }
    }
}

/// How many bytes all streams of a connection keep ready together. Two answers that are read at full speed never fill
/// it, and a connection that reads nothing costs this and 8 KiB for each of its streams.
const MOST: usize = 512 * 1024;
/// The memory beside the bytes under way, in bytes: the next piece, what is read ahead behind it, what the cork keeps, and what
/// TLS keeps.
const BESIDE: usize = 4 * TEXT;
/// How many bytes a client has to take before there is more than a little ready for it: more than the kernel takes for a
/// client that does not read (`UNSENT` in `src/listener/unsent.rs`, and the client's first window).
const PROOF: usize = 512 * 1024;
/// How many bytes a connection without a lease has under way in each of these places.
pub(super) const LITTLE: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::send_space::SendSpace;

    /// A budget of a client that has taken enough.
    fn of_a_reader(lease: SendLease) -> SendBudget {
        let budget = SendBudget::new(lease);
        budget.take(PROOF);
        budget.give_back(PROOF);
        budget
    }

    #[test]
    fn a_client_has_a_little_under_way_until_it_has_taken_enough() {
        let budget = SendBudget::new(SendSpace::new(4 << 20).lease(None));
        for taken in [0, LITTLE, PROOF - LITTLE - 1] {
            budget.take(taken);
            budget.give_back(taken);
            let turns = [(0, None), (1, None), (0, Some(LITTLE as u64))].map(|(way, left)| budget.turn(way, left));
            assert_eq!(turns, [SendAllowance::Little, SendAllowance::Wait, SendAllowance::Full], "after {taken}");
            assert_eq!(budget.write_at_once(), LITTLE);
        }
        budget.take(1);
        budget.give_back(1);
        assert_eq!((budget.turn(1, None), budget.write_at_once()), (SendAllowance::Full, TEXT));
    }

    #[test]
    fn a_used_up_budget_leaves_each_stream_a_little_at_a_time() {
        let budget = of_a_reader(SendSpace::new(4 << 20).lease(None));
        let rows = [
            (0, 0, SendAllowance::Full),
            (MOST - 1, 5, SendAllowance::Full),
            (MOST, 0, SendAllowance::Little),
            (MOST, 1, SendAllowance::Wait),
        ];
        for (used, under_way, expected) in rows {
            budget.take(used);
            assert_eq!(budget.turn(under_way, None), expected, "{used} {under_way}");
            budget.give_back(used);
        }
        assert_eq!(budget.turn(1, None), SendAllowance::Full);
    }

    #[test]
    fn a_connection_that_gets_no_lease_has_a_little_under_way_until_another_has_drained() {
        let space = SendSpace::new(BESIDE + 64 * 1024);
        let network = |number: u8| of_a_reader(space.lease(Some([192, 0, 2, number].into())));
        let (one, other) = (network(1), network(2));
        assert_eq!((one.turn(0, None), one.write_at_once()), (SendAllowance::Full, TEXT));
        one.take(5);
        // Bytes that the other has under way, and that its body still has; what it may hand over.
        let rows = [
            (0, None, SendAllowance::Little),
            (0, Some(LITTLE as u64 + 1), SendAllowance::Little),
            (0, Some(LITTLE as u64), SendAllowance::Full),
            (1, Some(1), SendAllowance::Wait),
            (1, None, SendAllowance::Wait),
        ];
        for (under_way, left, expected) in rows {
            other.take(under_way);
            assert_eq!(other.turn(under_way, left), expected, "{under_way} {left:?}");
            other.give_back(under_way);
            assert_eq!(other.write_at_once(), LITTLE);
        }
        one.drained();
        assert_eq!(other.turn(0, None), SendAllowance::Little, "bytes of the first are under way");
        one.give_back(5);
        one.drained();
        assert_eq!((other.turn(0, None), one.write_at_once()), (SendAllowance::Full, LITTLE));
        drop(other);
        assert_eq!(one.turn(0, None), SendAllowance::Full);
    }

    #[test]
    fn a_connection_alone_has_its_full_budget() {
        let budget = of_a_reader(SendSpace::new(2 * (MOST + BESIDE)).lease(None));
        while budget.turn(1, None) == SendAllowance::Full {
            budget.take(TEXT);
        }
        assert!(budget.0.used.load(Ordering::Relaxed) >= MOST);
    }
}
