//! `admin`: where `/livez` and `/readyz` are answered.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// The admin listener's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admin {
    /// No admin listener.
    Off,
    /// A TCP address, loopback by default.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix(PathBuf),
}

impl Default for Admin {
    fn default() -> Self {
        Self::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 9180)))
    }
}
