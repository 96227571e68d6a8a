//! `listen`: the addresses that clients connect to.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;

/// The `listen` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// TLS listeners; ALPN h2 and http/1.1.
    pub https: Vec<SocketAddr>,
    /// Plain listeners that redirect to https.
    pub http: Vec<SocketAddr>,
    /// Plain listeners that proxy.
    pub plain: Vec<BindAddr>,
    /// Peers whose connections start with a PROXY protocol header (v1 or v2).
    pub proxy_protocol_from: Vec<IpNet>,
}

/// An address a listener can be bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindAddr {
    /// `host:port`
    Tcp(SocketAddr),
    /// `unix:/path`
    Unix(PathBuf),
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            https: vec![SocketAddr::from((Ipv6Addr::UNSPECIFIED, 8443))],
            http: Vec::new(),
            plain: Vec::new(),
            proxy_protocol_from: Vec::new(),
        }
    }
}
