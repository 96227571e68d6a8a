//! [`ClientPeer`]: the other end of a client's socket.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The other end of a client's socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientPeer {
    /// An address, as IPv4 even if the client arrived at an IPv6 socket over IPv4.
    Tcp(SocketAddr),
    /// A process on this machine that may open the socket's file.
    Unix,
}

impl ClientPeer {
    /// A TCP peer, with an IPv4-mapped address turned back into IPv4.
    pub fn tcp(address: SocketAddr) -> Self {
        Self::Tcp(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }

    /// The peer's IP address.
    pub(crate) fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip()),
            Self::Unix => None,
        }
    }
}

impl fmt::Display for ClientPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}
