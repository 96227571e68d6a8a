//! [`SourceAddresses`]: the addresses that connections to one gateway come from.

use std::net::IpAddr;
use std::sync::Arc;

use crate::io::{LiveCount, LiveCountGuard};

/// The addresses that connections to one gateway come from, each with its connections. The least used one is next: from one address
/// there are only so many ports to one endpoint.
#[derive(Debug, Clone, Default)]
pub(crate) struct SourceAddresses(Arc<[(IpAddr, LiveCount)]>);

impl SourceAddresses {
    /// These addresses, from which there is no connection yet.
    pub(crate) fn new(addresses: &[IpAddr]) -> Self {
        Self(addresses.iter().map(|ip| (*ip, LiveCount::default())).collect())
    }

    /// Whether the kernel chooses.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those of the family of `to`, the least used one first; each guard counts a connection from there.
    pub(super) fn towards(&self, to: IpAddr) -> Vec<(IpAddr, LiveCount)> {
        let mut all: Vec<_> = self.0.iter().filter(|(ip, _)| ip.is_ipv4() == to.is_ipv4()).cloned().collect();
        all.sort_by_key(|(_, count)| count.count());
        all
    }

    /// How many connections there are from each.
    pub(super) fn counts(&self) -> Vec<(IpAddr, usize)> {
        self.0.iter().map(|(ip, count)| (*ip, count.count())).collect()
    }
}

/// Counts a connection from an address of the configuration's, until it is dropped; nothing where the kernel chose.
pub(crate) type SourceGuard = Option<LiveCountGuard>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_used_address_of_the_family_is_next() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let sources = SourceAddresses::new(&[ip("127.0.0.2"), ip("::1"), ip("127.0.0.3")]);
        let next = |to: &str| sources.towards(ip(to)).into_iter().map(|(ip, _)| ip.to_string()).collect::<Vec<_>>();
        assert_eq!(next("10.0.0.1"), ["127.0.0.2", "127.0.0.3"]);
        assert_eq!(next("fd00::1"), ["::1"]);
        let counted = sources.towards(ip("10.0.0.1"))[0].1.enter();
        assert_eq!(next("10.0.0.1"), ["127.0.0.3", "127.0.0.2"]);
        assert_eq!(sources.counts()[0], (ip("127.0.0.2"), 1));
        drop(counted);
        assert_eq!(next("10.0.0.1"), ["127.0.0.2", "127.0.0.3"]);
    }
}
