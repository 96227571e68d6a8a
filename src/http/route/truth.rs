//! [`Truth`]: whether a matcher holds, where programs may read a request in several ways.

/// Whether a matcher holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Truth {
    /// It does not, however the request is read.
    No,
    /// It does in one reading, and does not in another.
    Maybe,
    /// It does, however the request is read.
    Yes,
}

/// How much is read into a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadingRange {
    /// What frontgate reads.
    Own,
    /// What a gateway could read.
    Any,
}

impl Truth {
    /// Whether the opposite holds.
    pub(super) fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
            Self::Yes => Self::No,
        }
    }

    /// `Maybe` where two readings disagree.
    pub(super) fn of_both(one: bool, other: bool) -> Self {
        match (one, other) {
            (true, true) => Self::Yes,
            (false, false) => Self::No,
            _ => Self::Maybe,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}
