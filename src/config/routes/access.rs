//! [`ClientAccess`]: the clients that may pass, by their addresses.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::matchers::all_within;

/// The clients that may pass, by their addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientAccess {
    allow: Vec<IpNet>,
    deny: Vec<IpNet>,
    is_open: bool,
}

impl ClientAccess {
    /// Lets those in `allow` pass that are not in `deny`.
    pub(crate) fn new(allow: Vec<IpNet>, deny: Vec<IpNet>) -> Self {
        let is_open = deny.is_empty() && all_within(&everyone(), &allow);
        Self { allow, deny, is_open }
    }

    /// Whether every client passes.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether a client passes; one without an address passes only where all do.
    pub(crate) fn admits(&self, client: Option<IpAddr>) -> bool {
        let Some(client) = client.map(|client| client.to_canonical()) else { return self.is_open };
        self.is_open || (contains(&self.allow, client) && !contains(&self.deny, client))
    }

    /// Whether every client that passes here passes under `other`, too.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        other.is_open || (all_within(&self.allow, &other.allow) && all_within(&other.deny, &self.deny))
    }

    /// The networks that are named.
    pub(crate) fn networks(&self) -> impl Iterator<Item = &IpNet> {
        let named = if self.is_open { &[][..] } else { &self.allow };
        named.iter().chain(&self.deny)
    }
}

/// The networks of all clients.
pub(crate) fn everyone() -> Vec<IpNet> {
    vec![Ipv4Net::default().into(), Ipv6Net::default().into()]
}

/// Whether one of `networks` has `client`, which is no IPv4 address in IPv6's form.
pub(crate) fn contains(networks: &[IpNet], client: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&client))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_never_passes_and_an_unknown_client_only_where_all_do() {
        let nets = |text: &str| text.split_whitespace().map(|net| net.parse().unwrap()).collect::<Vec<IpNet>>();
        for (allow, deny, client, expected) in [
            ("0.0.0.0/0 ::/0", "", "192.0.2.7", true),
            ("0.0.0.0/0 ::/0", "", "", true),
            ("0.0.0.0/1 128.0.0.0/1 ::/0", "", "", true),
            ("0.0.0.0/0", "", "", false),
            ("0.0.0.0/0", "", "2001:db8::1", false),
            ("0.0.0.0/0 ::/0", "192.0.2.0/24", "192.0.2.7", false),
            ("0.0.0.0/0 ::/0", "192.0.2.0/24", "::ffff:192.0.2.7", false),
            ("0.0.0.0/0 ::/0", "192.0.2.0/24", "192.0.3.7", true),
            ("0.0.0.0/0 ::/0", "192.0.2.0/24", "", false),
            ("10.0.0.0/8", "10.1.0.0/16", "10.2.0.1", true),
            ("10.0.0.0/8", "10.1.0.0/16", "10.1.0.1", false),
            ("10.0.0.0/8", "", "192.0.2.7", false),
            ("", "", "192.0.2.7", false),
        ] {
            let access = ClientAccess::new(nets(allow), nets(deny));
            assert_eq!(access.admits(client.parse().ok()), expected, "{allow} - {deny}: {client}");
        }
    }
}
