//! Errors of the system that [`ErrorKind`](std::io::ErrorKind) has no name for, as Winsock numbers them.

use std::io;

/// No socket is left (WSAEMFILE).
pub(crate) fn lacks_files(error: &io::Error) -> bool {
    error.raw_os_error() == Some(10024)
}

/// There is no memory left for a socket (WSAENOBUFS).
pub(crate) fn lacks_socket_memory(error: &io::Error) -> bool {
    error.raw_os_error() == Some(10055)
}

/// The machine has no addresses of this family (WSAEAFNOSUPPORT).
pub(crate) fn lacks_family(error: &io::Error) -> bool {
    error.raw_os_error() == Some(10047)
}
