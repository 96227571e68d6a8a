//! [`Network`]: what counts as one client.

use std::net::{IpAddr, Ipv6Addr};

/// What counts as one client: an IPv4 address, or an IPv6 /64. A subscriber who is given one IPv6 address is given all of its
/// /64 (RFC 6177), so a limit for single addresses would limit nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Network(IpAddr);

impl Network {
    /// The network that `ip` belongs to. An IPv4-mapped address is the IPv4 address that it stands for.
    pub(super) fn of(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            v4 @ IpAddr::V4(_) => v4,
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
        })
    }
}
