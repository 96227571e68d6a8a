//! [`is_public()`]: which names belong to the public internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::Name;

/// Whether the public internet can reach `name`.
pub(super) fn is_public(name: &Name) -> bool {
    match name {
        Name::Dns(name) => {
            let top = name.rsplit('.').next().unwrap_or_default();
            name.contains('.') && !PRIVATE_TOPS.contains(&top)
        }
        Name::Ip(IpAddr::V4(ip)) => is_public_v4(*ip),
        Name::Ip(IpAddr::V6(ip)) => is_public_v6(*ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    // The shared address space of carriers (RFC 6598).
    let shared = first == 100 && second & 0xc0 == 64;
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_multicast()
        || first == 0
        || first >= 240
        || shared)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    // Global unicast is 2000::/3 (RFC 4291 §2.4); 2001:db8::/32 is for documentation.
    ip.segments()[0] & 0xe000 == 0x2000 && ip.segments()[..2] != [0x2001, 0xdb8]
}

/// Top-level names that cannot be registered (RFC 6761, RFC 6762, RFC 8375, RFC 9476, and names that ICANN keeps back).
const PRIVATE_TOPS: &[&str] = &[
    "alt",
    "arpa",
    "corp",
    "example",
    "home",
    "internal",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "mail",
    "onion",
    "test",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::KeyKind;
    use crate::config::kinds::CertName;

    #[test]
    fn only_names_of_the_public_internet_are_public() {
        for (name, expected) in [
            ("gw.example.com", true),
            ("example.com", true),
            ("localhost", false),
            ("claw", false),
            ("claw.local", false),
            ("claw.lan", false),
            ("gw.home.arpa", false),
            ("8.8.8.8", true),
            ("10.0.0.1", false),
            ("172.20.0.1", false),
            ("192.168.1.5", false),
            ("100.64.0.1", false),
            ("127.0.0.1", false),
            ("169.254.1.1", false),
            ("192.0.2.7", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("2606:4700::1111", true),
            ("2001:db8::1", false),
            ("::1", false),
            ("fe80::1", false),
            ("fd00::1", false),
        ] {
            assert_eq!(is_public(&CertName.parse(name).unwrap()), expected, "{name}");
        }
    }
}
