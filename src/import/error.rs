//! [`ImportError`]: why a configuration cannot be translated at all.

use super::place::ImportPlace;

/// Why a configuration cannot be translated at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The text is not of its format.
    #[error("{place}:{}: {found}; expected {expected}", place.column)]
    Syntax {
        /// Where the text stops being of its format.
        place: ImportPlace,
        /// The text that stands there, such as "`}` without a block".
        found: String,
        /// The text that the format asks for there.
        expected: String,
    },
    /// The configuration is larger than any that people write.
    #[error("{file}: {limit}")]
    TooMuch {
        /// The file with which the limit was exceeded.
        file: String,
        /// The limit, in words.
        limit: String,
    },
}

impl ImportError {
    /// The text is not of its format: at `place` there is `found` instead of `expected`.
    pub(crate) fn syntax(place: &ImportPlace, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Syntax { place: place.clone(), found: found.into(), expected: expected.into() }
    }
}
