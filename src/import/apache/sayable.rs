//! [`Sayable`]: requests, as far as routes can say which.

use crate::import::condition::Condition;

/// Requests; where they cannot be said, requests among which they are.
#[derive(Debug, Clone)]
pub(super) struct Sayable {
    pub(super) condition: Condition,
    /// Whether these are exactly the requests.
    pub(super) exact: bool,
}

impl Sayable {
    pub(super) fn exactly(condition: Condition) -> Self {
        Self { condition, exact: true }
    }

    pub(super) fn among(condition: Condition) -> Self {
        Self { condition, exact: false }
    }
}
