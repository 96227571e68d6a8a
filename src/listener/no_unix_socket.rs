//! Unix sockets on a system where frontgate has none. A configuration that names one is refused before anything is bound.

use std::io;
use std::path::Path;

use socket2::Socket;

use crate::config::UnixAccess;
use crate::io::UnixListener;

/// # Errors
/// Always.
pub(super) fn bind(_: &Path, _: &UnixAccess, _: i32) -> io::Result<UnixListener> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always.
pub(super) fn listener(_: Socket) -> io::Result<UnixListener> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always.
pub(crate) fn permit(_: &Path, _: &UnixAccess) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always.
pub(crate) fn group_id(_: &str) -> io::Result<u32> {
    Err(io::ErrorKind::Unsupported.into())
}
