//! [`LiveCount`]: counts the live values of one kind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the live values of one kind; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct LiveCount(Arc<AtomicUsize>);

/// Counts as one, until it is dropped.
#[derive(Debug)]
pub(crate) struct LiveCountGuard(LiveCount);

impl LiveCount {
    /// Counts one more, until the guard is dropped.
    #[must_use]
    pub(crate) fn enter(&self) -> LiveCountGuard {
        self.0.fetch_add(1, Ordering::Relaxed);
        LiveCountGuard(self.clone())
    }

    /// How many guards are alive.
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for LiveCountGuard {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_guard_does_not_count() {
        let gauge = LiveCount::default();
        let (one, two) = (gauge.enter(), gauge.enter());
        assert_eq!(gauge.count(), 2);
        drop(one);
        assert_eq!(gauge.count(), 1);
        drop(two);
        assert_eq!(gauge.count(), 0);
    }
}
