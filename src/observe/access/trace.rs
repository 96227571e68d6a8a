//! [`TraceId`]: the id of a trace.

use std::fmt;
use std::num::NonZero;

/// The id of the trace that a request belongs to, of which other programs may know more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceId(NonZero<u128>);

impl TraceId {
    /// The trace with this number; zero is none.
    pub(crate) fn new(number: u128) -> Option<Self> {
        NonZero::new(number).map(Self)
    }

    /// A trace that has just begun.
    pub(crate) fn fresh() -> Self {
        Self(NonZero::new(fastrand::u128(1..)).unwrap_or(NonZero::<u128>::MIN))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}
