//! `forwarded`: whose forwarding headers are believed, and which ones the gateway gets.

use ipnet::IpNet;

/// The `forwarded` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarded {
    /// Proxies in front of frontgate whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// What to do with a client on this very machine.
    pub local_clients: LocalClients,
    /// Send `X-Forwarded-*` and `X-Real-IP`.
    pub x_forwarded: bool,
    /// Send `Forwarded` (RFC 7239).
    pub rfc7239: bool,
}

/// How a client on this machine that asks for a loopback name is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LocalClients {
    /// Without forwarding headers, as the direct client it is.
    #[default]
    Auto,
    /// Like every other client.
    Forwarded,
}

impl Default for Forwarded {
    fn default() -> Self {
        Self { trusted_proxies: Vec::new(), local_clients: LocalClients::Auto, x_forwarded: true, rfc7239: false }
    }
}
