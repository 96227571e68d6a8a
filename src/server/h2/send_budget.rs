//! [`SendBudget`]: how much of its answers a connection keeps ready for a client that does not take them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes of answers that were handed to the h2 library and are not written yet, of all streams of one connection.
/// The library takes any amount, however small the client's windows are, so its memory is bounded by what it is given.
///
/// Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct SendBudget(Arc<AtomicUsize>);

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
    /// How much a stream may hand over that has so many bytes under way.
    pub(super) fn turn(&self, under_way: usize) -> SendAllowance {
        match (self.0.load(Ordering::Relaxed) < MOST, under_way) {
            (true, _) => SendAllowance::Full,
            (false, 0) => SendAllowance::Little,
            (false, _) => SendAllowance::Wait,
        }
    }

    /// Counts bytes that were handed over.
    pub(super) fn take(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Gives back bytes that were written, or thrown away with their stream.
    pub(super) fn give_back(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// How many bytes all streams of a connection keep ready together. Two answers that are read at full speed never fill
/// it, and a connection that reads nothing costs this and 8 KiB for each of its streams.
const MOST: usize = 512 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_used_up_budget_leaves_each_stream_a_little_at_a_time() {
        let budget = SendBudget::default();
        let rows = [
            (0, 0, SendAllowance::Full),
            (MOST - 1, 5, SendAllowance::Full),
            (MOST, 0, SendAllowance::Little),
            (MOST, 1, SendAllowance::Wait),
        ];
        for (used, under_way, expected) in rows {
            budget.take(used);
            assert_eq!(budget.turn(under_way), expected, "{used} {under_way}");
            budget.give_back(used);
        }
        assert_eq!(budget.turn(1), SendAllowance::Full);
    }
}
