//! [`MatchBounds`]: the requests that a matcher takes for sure, and those that it may take.

use crate::import::condition::Condition;

/// The requests that a matcher takes: all of `surely`, and none but those of `maybe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MatchBounds {
    pub(super) surely: Condition,
    pub(super) maybe: Condition,
}

impl MatchBounds {
    /// These requests.
    pub(super) fn exactly(condition: Condition) -> Self {
        Self { surely: condition.clone(), maybe: condition }
    }

    /// Every request.
    pub(super) fn always() -> Self {
        Self::exactly(Condition::always())
    }

    /// Nothing is known.
    pub(super) fn unknown() -> Self {
        Self { surely: Condition::never(), maybe: Condition::always() }
    }

    /// Whether it is known for each request.
    pub(super) fn is_exact(&self) -> bool {
        self.surely == self.maybe
    }

    /// The requests that both take. What no condition can say is left out of the sure ones and stays among the others.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self {
            surely: self.surely.and(&other.surely).unwrap_or_else(|_| Condition::never()),
            maybe: self.maybe.and(&other.maybe).unwrap_or_else(|_| self.maybe.clone()),
        }
    }

    /// The requests that the matcher does not take.
    pub(super) fn not(&self) -> Self {
        Self {
            surely: self.maybe.not().unwrap_or_else(|_| Condition::never()),
            maybe: self.surely.not().unwrap_or_else(|_| Condition::always()),
        }
    }
}
