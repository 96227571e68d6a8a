//! [`LiveCount`]: how many there are of something.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many there are of something; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct LiveCount(Arc<AtomicUsize>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub struct LiveCountGuard(LiveCount);

impl LiveCount {
    /// One more.
    #[must_use]
    pub fn enter(&self) -> LiveCountGuard {
        self.0.fetch_add(1, Ordering::Relaxed);
        LiveCountGuard(self.clone())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
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
    fn what_is_gone_does_not_count() {
        let gauge = LiveCount::default();
        let (one, two) = (gauge.enter(), gauge.enter());
        assert_eq!(gauge.count(), 2);
        drop(one);
        assert_eq!(gauge.count(), 1);
        drop(two);
        assert_eq!(gauge.count(), 0);
    }
}
