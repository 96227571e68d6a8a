//! [`NginxListen`]: an address that a server listens at.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::parser::NginxDirective;
use crate::config::BindAddr;

/// An address that a server listens at, and what is special about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the directive")]
pub(super) struct NginxListen {
    pub(super) addr: BindAddr,
    pub(super) tls: bool,
    pub(super) is_default: bool,
    pub(super) proxy_protocol: bool,
    pub(super) quic: bool,
    /// Whether an address of IPv6 takes clients of IPv4, too.
    pub(super) dual: bool,
}

impl NginxListen {
    /// What a `listen` says; `None` when its address cannot be told.
    pub(super) fn read(directive: &NginxDirective) -> Option<Self> {
        let has = |word: &str| directive.args.iter().skip(1).any(|arg| arg == word);
        Some(Self {
            addr: address(directive.first())?,
            tls: has("ssl"),
            is_default: has("default_server") || has("default"),
            proxy_protocol: has("proxy_protocol"),
            quic: has("quic"),
            dual: has("ipv6only=off"),
        })
    }

    /// Where a server without `listen` listens.
    pub(super) fn implied() -> Self {
        let addr = BindAddr::Tcp(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 80)));
        Self { addr, tls: false, is_default: false, proxy_protocol: false, quic: false, dual: false }
    }
}

fn address(text: &str) -> Option<BindAddr> {
    if let Some(path) = text.strip_prefix("unix:") {
        return Some(BindAddr::Unix(PathBuf::from(path)));
    }
    let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    if let Ok(port) = text.parse::<u16>() {
        return Some(BindAddr::Tcp((any, port).into()));
    }
    if let Ok(addr) = text.parse::<SocketAddr>() {
        return Some(BindAddr::Tcp(addr));
    }
    let host = |host: &str| match host {
        "*" => Some(any),
        "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        host => host.trim_matches(['[', ']']).parse().ok(),
    };
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !text.ends_with(']') => (name, port.parse().ok()?),
        _ => (text, 80),
    };
    Some(BindAddr::Tcp((host(name)?, port).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_nginx_reads_them() {
        let cases = [
            ("443", Some("0.0.0.0:443")),
            ("*:8000", Some("0.0.0.0:8000")),
            ("[::]:443", Some("[::]:443")),
            ("127.0.0.1:80", Some("127.0.0.1:80")),
            ("127.0.0.1", Some("127.0.0.1:80")),
            ("[::1]", Some("[::1]:80")),
            ("localhost:81", Some("127.0.0.1:81")),
            ("unix:/run/x.sock", Some("unix:/run/x.sock")),
            ("gw.example.com:443", None),
            ("99999", None),
        ];
        for (text, expected) in cases {
            assert_eq!(address(text).map(|addr| addr.to_string()).as_deref(), expected, "{text}");
        }
    }
}
