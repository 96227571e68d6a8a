//! The kernel's limit of open files.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many files may be open; `None` is unlimited.
pub(crate) fn most() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// How many that may be raised to; `None` is unlimited.
pub(crate) fn highest() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}

/// Raises the limit as far as it goes.
///
/// # Errors
/// The system's error.
pub(crate) fn raise() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return Ok(());
    }
    let raise_to = |current| setrlimit(Resource::Nofile, Rlimit { current, maximum: limit.maximum });
    match raise_to(limit.maximum) {
        // macOS calls this unlimited and takes no more than OPEN_MAX.
        Err(_) if limit.maximum.is_none() => Ok(raise_to(Some(10_240))?),
        raised => Ok(raised?),
    }
}
