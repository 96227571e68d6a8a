//! The limit of open files: Windows has none but its memory.

use std::io;

/// Unlimited.
pub(crate) fn most() -> Option<u64> {
    None
}

/// Unlimited.
pub(crate) fn highest() -> Option<u64> {
    None
}

/// Nothing is to be raised.
#[expect(clippy::unnecessary_wraps, reason = "other systems may refuse")]
pub(crate) fn raise() -> io::Result<()> {
    Ok(())
}
