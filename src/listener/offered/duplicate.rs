//! What a successor gets of a listener.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use super::{OfferedListener, OfferedSocket};

impl OfferedListener {
    /// The label as text, and a duplicate of the socket; `None` if this process no longer listens on it.
    ///
    /// # Errors
    /// If the kernel refuses, such as for want of file descriptors.
    pub(crate) fn duplicate(&self) -> io::Result<Option<(String, OwnedFd)>> {
        let fd = match &self.socket {
            OfferedSocket::Tcp(listener) => listener.upgrade().map(|listener| listener.as_fd().try_clone_to_owned()),
            OfferedSocket::Unix(listener) => listener.upgrade().map(|listener| listener.as_fd().try_clone_to_owned()),
        };
        Ok(fd.transpose()?.map(|fd| (self.label.to_string(), fd)))
    }
}
