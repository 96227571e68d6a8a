//! [`CaddyAddress`]: an address of a site; [`binds`]: where it listens.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use crate::import::ImportError;
use crate::import::node::ImportNode;

/// One address of a site.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct CaddyAddress {
    pub(super) scheme: Option<String>,
    /// Empty for every host.
    pub(super) host: String,
    pub(super) port: Option<u16>,
    /// A path that requests must have; empty for every path.
    pub(super) path: String,
}

impl CaddyAddress {
    /// `https://gw.example.com:8443/path`, in parts; `None` where it is no address.
    pub(super) fn of(text: &str) -> Option<Self> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, text),
        };
        let known = scheme.as_deref().is_none_or(|scheme| ["http", "https"].contains(&scheme));
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port.parse().ok()?)),
            _ => (authority, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        (known && !host.contains('{')).then(|| Self { scheme, host, port, path: path.to_owned() })
    }
}

/// Where a site listens, without a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CaddyBind {
    /// An address of this machine.
    Ip(IpAddr),
    /// A unix socket.
    Unix(PathBuf),
}

/// `bind` and `default_bind`.
///
/// # Errors
/// An address that cannot be had: another one would let in other clients.
pub(super) fn binds(node: &ImportNode) -> Result<Vec<CaddyBind>, ImportError> {
    let one = |word: &String| {
        let found = match word.split_once('/') {
            Some(("unix", path)) => unix(path),
            Some(("tcp", rest)) => ip(rest),
            Some(("tcp4", rest)) => ip(rest).filter(|bind| matches!(bind, CaddyBind::Ip(IpAddr::V4(_)))),
            _ => ip(word),
        };
        found.ok_or_else(|| {
            let expected = "an IP address, or unix/ and an absolute path: frontgate listens nowhere else";
            ImportError::syntax(&node.place, format!("`{}`", node.shown), expected)
        })
    };
    node.args.iter().map(one).collect()
}

fn ip(word: &str) -> Option<CaddyBind> {
    let bare = word.trim_start_matches('[').trim_end_matches(']');
    // The one name that is the same on each machine; Caddy takes its IPv4 address.
    let address = if bare == "localhost" { Some(Ipv4Addr::LOCALHOST.into()) } else { bare.parse().ok() };
    address.map(CaddyBind::Ip)
}

/// A path, and the permissions behind a `|`, which frontgate sets by itself.
fn unix(path: &str) -> Option<CaddyBind> {
    let path = path.split('|').next().unwrap_or_default();
    (path.starts_with('/') && !path.contains('{')).then(|| CaddyBind::Unix(path.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::place::ImportPlace;

    #[test]
    fn addresses_have_parts() {
        let address = |scheme: Option<&str>, host: &str, port, path: &str| {
            Some(CaddyAddress { scheme: scheme.map(str::to_owned), host: host.into(), port, path: path.into() })
        };
        for (text, expected) in [
            ("gw.example.com", address(None, "gw.example.com", None, "")),
            ("http://GW.example.com:8080/claw/*", address(Some("http"), "gw.example.com", Some(8080), "/claw/*")),
            (":443", address(None, "", Some(443), "")),
            ("[::1]:8080", address(None, "::1", Some(8080), "")),
            ("*.example.com", address(None, "*.example.com", None, "")),
            ("gw:port", None),
            ("wss://gw", None),
            ("{$DOMAIN}", None),
        ] {
            assert_eq!(CaddyAddress::of(text), expected, "{text}");
        }
    }

    #[test]
    fn only_addresses_of_this_machine_are_bound() {
        let bound = |words: &[&str]| {
            let args = words.iter().map(|&word| word.to_owned()).collect();
            binds(&ImportNode {
                name: "bind".into(),
                args,
                place: ImportPlace::start("C"),
                shown: "bind".into(),
                body: None,
            })
        };
        let ip = |text: &str| CaddyBind::Ip(text.parse().expect("an address"));
        assert_eq!(
            bound(&["127.0.0.1", "[::1]", "tcp/10.0.0.1"]),
            Ok(vec![ip("127.0.0.1"), ip("::1"), ip("10.0.0.1")])
        );
        assert_eq!(bound(&["localhost", "tcp4/0.0.0.0"]), Ok(vec![ip("127.0.0.1"), ip("0.0.0.0")]));
        assert_eq!(bound(&["unix//run/a.sock|0222"]), Ok(vec![CaddyBind::Unix("/run/a.sock".into())]));
        for word in ["gw.example.com", "fd/3", "unix/a.sock", "udp/1.2.3.4", "{$IP}", "eth0", "tcp6/1.2.3.4"] {
            assert!(bound(&[word]).is_err(), "{word}");
        }
    }
}
