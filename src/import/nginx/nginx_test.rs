//! [`NginxTest`]: what a text is compared with, and the networks that texts stand for.

use crate::import::networks;

/// What a text is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NginxTest {
    /// It is this.
    Is(String),
    /// It is this in any case of letters.
    IsInAnyCase(String),
    /// The regular expression is found in it.
    Matches(String),
    /// It is neither empty nor 0.
    IsTrue,
}

/// A network, or an address that is one of its own.
pub(super) fn network(text: &str) -> Option<ipnet::IpNet> {
    let net = text.parse::<ipnet::IpNet>().ok().map(|net| net.trunc());
    net.or_else(|| text.trim_matches(['[', ']']).parse::<std::net::IpAddr>().ok().map(ipnet::IpNet::from))
}

/// The networks of a regular expression for addresses.
pub(super) fn networks_of(regex: &str) -> Option<Vec<ipnet::IpNet>> {
    networks::matching(regex.strip_prefix("(?i)").unwrap_or(regex))
}
