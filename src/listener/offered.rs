//! [`OfferedListener`]: a listener that a successor process can take over.

#[cfg(target_os = "linux")]
mod duplicate;

use std::sync::{Arc, Weak};

use tokio::net::TcpListener;

use super::bind::Listener;
use super::label::SocketLabel;
use crate::io::UnixListener;

/// A listener that a successor process can take over. It does not keep the socket open.
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux passes sockets on"))]
#[derive(Debug, Clone)]
pub(crate) struct OfferedListener {
    label: SocketLabel,
    socket: OfferedSocket,
}

#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux passes sockets on"))]
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
}
