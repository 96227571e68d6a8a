//! Errors of the system that [`ErrorKind`](std::io::ErrorKind) has no name for.

use std::io;

use rustix::io::Errno;

/// No file is left: of the process (EMFILE) or of the machine (ENFILE).
pub(crate) fn lacks_files(error: &io::Error) -> bool {
    is_one_of(error, &[Errno::MFILE, Errno::NFILE])
}

/// The kernel has no memory left for a socket.
pub(crate) fn lacks_socket_memory(error: &io::Error) -> bool {
    is_one_of(error, &[Errno::NOBUFS])
}

/// The machine has no addresses of this family.
pub(crate) fn lacks_family(error: &io::Error) -> bool {
    is_one_of(error, &[Errno::AFNOSUPPORT])
}

fn is_one_of(error: &io::Error, codes: &[Errno]) -> bool {
    Errno::from_io_error(error).is_some_and(|code| codes.contains(&code))
}
