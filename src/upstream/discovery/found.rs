//! [`FoundGateway`]: one gateway that the DNS has for a name, and what becomes of an answer: pure.

use std::collections::{BTreeSet, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// One gateway that the DNS has for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundGateway {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The host that its SRV record names, without a dot at the end.
    pub(crate) target: Option<Arc<str>>,
    /// Whether that host is of the domain of the name; every address of a name itself is.
    pub(crate) is_in_domain: bool,
    /// The tier of its SRV record: the lowest one that is up gets the work.
    pub(crate) priority: u16,
    /// Its share within its tier, in thousandths of an even one.
    pub(crate) share: u32,
}

/// A host at which gateways listen, and its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundHost {
    pub(super) target: Option<Arc<str>>,
    pub(super) is_in_domain: bool,
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    pub(super) addresses: Vec<IpAddr>,
    /// How many more addresses it has than are looked at.
    pub(super) left_out: usize,
    /// Families of which nothing is known, since the DNS did not answer.
    pub(super) unknown: UnknownFamilies,
}

/// The address families of a host about which the DNS gave no answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct UnknownFamilies {
    pub(super) v4: bool,
    pub(super) v6: bool,
}

/// What the DNS has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameAnswer {
    pub(super) hosts: Vec<FoundHost>,
    /// How long it may be kept.
    pub(super) ttl: Duration,
}

impl NameAnswer {
    /// The gateways that it names.
    pub(crate) fn gateways(&self) -> Vec<FoundGateway> {
        gateways(&self.hosts, &[]).0
    }
}

/// The gateways of an answer, in an order that is the same for every process that asks: at most [`MOST`], and how many more there
/// are. Where the DNS did not answer for a part of it, that part is as it was `before`.
pub(super) fn gateways(hosts: &[FoundHost], before: &[FoundGateway]) -> (Vec<FoundGateway>, usize) {
    let (mut all, mut seen) = (Vec::new(), HashSet::new());
    for host in hosts {
        let was_there = before.iter().filter(|gateway| gateway.target == host.target);
        let unknown = was_there.map(|gateway| gateway.address.ip()).filter(|ip| host.unknown.has(*ip));
        let known: BTreeSet<IpAddr> = host.addresses.iter().copied().filter_map(usable).chain(unknown).collect();
        let tier: Vec<&FoundHost> = hosts.iter().filter(|other| other.priority == host.priority).collect();
        // The addresses of a name are gateways of their own; those of a record's host are ways to one.
        let ways = if host.target.is_some() { known.len().saturating_add(host.left_out) } else { 1 };
        let share = share(host.weight, &tier, ways);
        for ip in known {
            let address = SocketAddr::new(ip, host.port);
            if seen.insert(address) {
                let (target, is_in_domain, priority) = (host.target.clone(), host.is_in_domain, host.priority);
                all.push(FoundGateway { address, target, is_in_domain, priority, share });
            }
        }
    }
    all.sort_by_key(|gateway: &FoundGateway| (gateway.priority, gateway.address));
    let unread: usize = hosts.iter().map(|host| host.left_out).sum();
    let left_out = all.len().saturating_sub(MOST).saturating_add(unread);
    all.truncate(MOST);
    (all, left_out)
}

/// The first [`MOST`] of these addresses that can be dialled, in the order in which gateways are taken, and how many more there are.
/// An answer over TCP has thousands.
pub(super) fn first_of_host(addresses: impl IntoIterator<Item = IpAddr>) -> (Vec<IpAddr>, usize) {
    let all: BTreeSet<IpAddr> = addresses.into_iter().filter_map(usable).collect();
    let left_out = all.len().saturating_sub(MOST);
    (all.into_iter().take(MOST).collect(), left_out)
}

/// Whether `target` is a host of the domain that `service` is a service of (RFC 6186 §6): `_gw._tcp.example.com` is one of
/// `example.com`. Both are whole, with or without a dot at their end.
pub(super) fn is_in_domain(target: &str, service: &str) -> bool {
    let service = service.trim_end_matches('.').to_ascii_lowercase();
    let domain = match service.strip_prefix('_').and_then(|rest| rest.split_once("._")) {
        Some((_, rest)) => rest.split_once('.'),
        None => service.split_once('.'),
    };
    let Some((_, domain)) = domain else { return false };
    let target = target.trim_end_matches('.').to_ascii_lowercase();
    !domain.is_empty() && target.strip_suffix(domain).is_some_and(|host| host.is_empty() || host.ends_with('.'))
}

/// The share of each of the `ways` to a host, by the weight of its record among those of its tier (RFC 2782): an even share where
/// no record has a weight, and next to nothing for one without a weight among others.
fn share(weight: u16, tier: &[&FoundHost], ways: usize) -> u32 {
    let all: u64 = tier.iter().map(|host| u64::from(host.weight)).sum();
    let count = tier.len() as u64;
    let of_host = (u64::from(weight) * count * EVEN).checked_div(all).unwrap_or(EVEN);
    u32::try_from(of_host / ways.max(1) as u64).unwrap_or(u32::MAX).max(1)
}

/// An address that can be dialled; lists that block names answer with 0.0.0.0, a link-local address lacks its link, and at those of
/// IPv4 a cloud gives away its machine's secrets.
pub(super) fn usable(ip: IpAddr) -> Option<IpAddr> {
    let ip = ip.to_canonical();
    let is_link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    (!ip.is_unspecified() && !ip.is_multicast() && !is_link_local && !is_broadcast).then_some(ip)
}

impl UnknownFamilies {
    fn has(self, ip: IpAddr) -> bool {
        if ip.is_ipv4() { self.v4 } else { self.v6 }
    }
}

/// As many as a group may list.
pub(super) const MOST: usize = 64;
/// Thousandths.
const EVEN: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn host(target: Option<&str>, (priority, weight, port): (u16, u16, u16), addresses: &[&str]) -> FoundHost {
        let addresses = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
        let unknown = UnknownFamilies::default();
        let target = target.map(Into::into);
        FoundHost { target, is_in_domain: true, priority, weight, port, addresses, left_out: 0, unknown }
    }

    fn shown(found: &[FoundGateway]) -> Vec<String> {
        found.iter().map(|one| format!("{} {} {}", one.address, one.priority, one.share)).collect()
    }

    #[test]
    fn each_address_is_a_gateway_in_an_order_that_does_not_change() {
        for addresses in [
            &["10.0.0.5", "fd00::1", "10.0.0.4", "10.0.0.5"][..],
            &[
                "::ffff:10.0.0.4",
                "10.0.0.4",
                "10.0.0.5",
                "fd00::1",
                "0.0.0.0",
                "224.0.0.1",
                "fe80::1",
                "::",
                "169.254.169.254",
                "::ffff:169.254.169.254",
                "255.255.255.255",
            ],
        ] {
            let (found, left_out) = gateways(&[host(None, (0, 0, 1), addresses)], &[]);
            assert_eq!(
                shown(&found),
                ["10.0.0.4:1 0 1000", "10.0.0.5:1 0 1000", "[fd00::1]:1 0 1000"],
                "{addresses:?}"
            );
            assert_eq!(left_out, 0);
        }
        assert_eq!(gateways(&[], &[]), (Vec::new(), 0));
    }

    #[test]
    fn of_too_many_the_first_ones_are_taken() {
        let many: Vec<String> = (0..100).rev().map(|n| format!("10.0.0.{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let (found, left_out) = gateways(&[host(None, (0, 0, 1), &many)], &[]);
        assert_eq!((found.len(), left_out), (64, 36));
        assert_eq!(
            (found[0].address, found[63].address),
            ("10.0.0.0:1".parse().unwrap(), "10.0.0.63:1".parse().unwrap())
        );
    }

    #[test]
    fn of_a_host_with_thousands_of_addresses_the_first_are_read() {
        let many = (0..4000u32).rev().map(|n| IpAddr::from((0x0a00_0000 + n).to_be_bytes()));
        let others = ["fd00::1", "169.254.0.1", "10.0.0.0"].map(|ip| ip.parse().unwrap());
        let (read, left_out) = first_of_host(many.chain(others));
        assert_eq!((read.len(), left_out), (64, 3937));
        assert_eq!((read[0], read[63]), ("10.0.0.0".parse().unwrap(), "10.0.0.63".parse().unwrap()));
        // Those that were not read are counted, and each way to the gateway has its part.
        let mut record = host(Some("a"), (0, 0, 1), &["10.0.0.4", "10.0.0.5"]);
        record.left_out = 2;
        let (found, left_out) = gateways(&[record], &[]);
        assert_eq!((shown(&found), left_out), (vec!["10.0.0.4:1 0 250".into(), "10.0.0.5:1 0 250".into()], 2));
    }

    #[test]
    fn records_weigh_within_their_tier_and_lower_tiers_come_first() {
        let (found, _) = gateways(
            &[
                host(Some("b"), (20, 0, 1), &["10.0.0.9"]),
                host(Some("a"), (10, 3, 2), &["10.0.0.4"]),
                host(Some("c"), (10, 1, 3), &["10.0.0.5", "fd00::5"]),
                host(Some("d"), (10, 0, 4), &["10.0.0.6"]),
                // One gateway that two records name counts once.
                host(Some("e"), (30, 0, 2), &["10.0.0.4"]),
            ],
            &[],
        );
        assert_eq!(
            shown(&found),
            ["10.0.0.4:2 10 2250", "10.0.0.5:3 10 375", "10.0.0.6:4 10 1", "[fd00::5]:3 10 375", "10.0.0.9:1 20 1000"]
        );
    }

    #[test]
    fn a_record_speaks_for_hosts_of_its_own_domain() {
        for (target, service, expected) in [
            ("gw1.example.com", "_gw._tcp.example.com.", true),
            ("GW1.eu.Example.com.", "_gw._tcp.example.com", true),
            ("example.com", "_gw._tcp.example.com", true),
            ("gw1.example.org", "_gw._tcp.example.com", false),
            ("evilexample.com", "_gw._tcp.example.com", false),
            ("gw1.example.com", "_gw._tcp.", false),
            ("gw1.example.com", "_gw._tcp", false),
            ("a.service.consul", "gw.service.consul.", true),
            ("a.node.consul", "gw.service.consul.", false),
            ("a", "gw", false),
        ] {
            assert_eq!(is_in_domain(target, service), expected, "{target} {service}");
        }
    }

    #[test]
    fn what_is_not_known_stays_as_it_was() {
        let both = host(None, (0, 0, 1), &["10.0.0.4", "fd00::4"]);
        let (before, _) = gateways(&[both], &[]);
        let mut partly = host(None, (0, 0, 1), &["10.0.0.5"]);
        partly.unknown.v6 = true;
        let (found, _) = gateways(&[partly], &before);
        assert_eq!(shown(&found), ["10.0.0.5:1 0 1000", "[fd00::4]:1 0 1000"]);
        // Another host's addresses are not its own.
        let mut other = host(Some("a"), (0, 0, 1), &[]);
        other.unknown = UnknownFamilies { v4: true, v6: true };
        assert_eq!(gateways(&[other], &before).0, []);
    }
}
