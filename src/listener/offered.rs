//! [`OfferedListener`]: a listener that a successor process can take over.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Weak};

use tokio::net::{TcpListener, UnixListener};

use super::bind::Listener;
use super::label::SocketLabel;

/// A listener that a successor process can take over. It does not keep the socket open.
#[derive(Debug, Clone)]
pub(crate) struct OfferedListener {
    label: SocketLabel,
    socket: OfferedSocket,
}

#[derive(Debug, Clone)]
enum OfferedSocket {
    Tcp(Weak<TcpListener>),
    Unix(Weak<UnixListener>),
}

impl OfferedListener {
    /// Offers `listener` under `label`.
    pub(crate) fn new(label: SocketLabel, listener: &Listener) -> Self {
        let socket = match listener {
            Listener::Tcp(listener) => OfferedSocket::Tcp(Arc::downgrade(listener)),
            Listener::Unix(listener) => OfferedSocket::Unix(Arc::downgrade(listener)),
        };
        Self { label, socket }
    }

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
