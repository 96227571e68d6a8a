//! [`Network`]: what counts as one client, and [`NetworkTally`]: how much of something each of them has.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

/// What counts as one client where clients are limited: an IPv4 address, or an IPv6 /64. A subscriber that is given one
/// IPv6 address is given all of its /64 (RFC 6177), so a limit for single addresses would limit nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Network(IpAddr);

impl Network {
    /// The network that `ip` belongs to. An IPv4-mapped address is treated as the IPv4 address that it stands for.
    pub(crate) fn of(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            v4 @ IpAddr::V4(_) => v4,
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
        })
    }

    /// Its first address.
    pub(crate) fn address(self) -> IpAddr {
        self.0
    }

    /// Its bytes: four or sixteen.
    pub(crate) fn octets(self) -> Vec<u8> {
        match self.0 {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        }
    }

    /// Which of `of` parts the network belongs to, where something is counted in several parts.
    pub(crate) fn part(self, of: usize) -> usize {
        let bytes = match self.0 {
            IpAddr::V4(ip) => ip.to_bits(),
            IpAddr::V6(ip) => {
                let [high, middle] = [0u32, 1].map(|half| (ip.to_bits() >> (96 - 32 * half)) & u128::from(u32::MAX));
                u32::try_from(high ^ middle).unwrap_or_default()
            }
        };
        (bytes ^ bytes >> 8 ^ bytes >> 16) as usize % of
    }
}

/// How much of something each network has. A network that has nothing takes no memory.
#[derive(Debug)]
pub(crate) struct NetworkTally<K = Network>(HashMap<K, usize>);

impl<K: Copy + Eq + Hash> NetworkTally<K> {
    /// The count of `network`; 0 if it has none.
    pub(crate) fn of(&self, network: K) -> usize {
        self.0.get(&network).copied().unwrap_or_default()
    }

    /// Adds `more` to the count of `network`.
    pub(crate) fn add(&mut self, network: K, more: usize) {
        if more > 0 {
            *self.0.entry(network).or_default() += more;
        }
    }

    /// Takes `less` from the count of `network`.
    pub(crate) fn sub(&mut self, network: K, less: usize) {
        if let Entry::Occupied(mut has) = self.0.entry(network) {
            *has.get_mut() = has.get().saturating_sub(less);
            if *has.get() == 0 {
                has.remove();
            }
        }
    }

    /// Whether no network has anything.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K> Default for NetworkTally<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(ip: &str) -> Network {
        Network::of(ip.parse().unwrap())
    }

    #[test]
    fn one_client_is_an_ipv4_address_or_an_ipv6_64() {
        let rows = [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("::1", "127.0.0.1", false),
        ];
        for (one, other, same) in rows {
            assert_eq!(network(one) == network(other), same, "{one} {other}");
        }
    }

    #[test]
    fn a_tally_keeps_nothing_of_networks_that_have_nothing() {
        let (mut tally, one, two) = (NetworkTally::<Network>::default(), network("192.0.2.1"), network("2001:db8::1"));
        tally.add(one, 2);
        tally.add(two, 1);
        tally.add(network("192.0.2.9"), 0);
        tally.sub(one, 1);
        assert_eq!((tally.of(one), tally.of(two)), (1, 1));
        tally.sub(one, 1);
        tally.sub(two, 5);
        tally.sub(two, 1);
        assert!(tally.is_empty());
    }
}
