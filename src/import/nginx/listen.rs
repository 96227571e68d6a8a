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
        })
    }

    /// Where a server without `listen` listens.
    pub(super) fn implied() -> Self {
        let addr = BindAddr::Tcp(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 80)));
        Self { addr, tls: false, is_default: false, proxy_protocol: false, quic: false }
    }

    /// The port; `None` for a unix socket.
    pub(super) fn port(&self) -> Option<u16> {
        match &self.addr {
            BindAddr::Tcp(addr) => Some(addr.port()),
            BindAddr::Unix(_) => None,
        }
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

/// Those addresses without the ones that another of them stands for: `[::]:443` for every address, `0.0.0.0:443` for
/// every one of IPv4.
pub(super) fn merged(mut addrs: Vec<SocketAddr>) -> Vec<SocketAddr> {
    addrs.sort();
    addrs.dedup();
    let all = addrs.clone();
    addrs.retain(|addr| {
        let covered = |other: &SocketAddr| {
            other != addr
                && other.port() == addr.port()
                && other.ip().is_unspecified()
                && (other.is_ipv6() || (addr.is_ipv4() && !addr.ip().is_unspecified()))
        };
        !all.iter().any(covered)
    });
    addrs
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

    #[test]
    fn an_address_that_another_stands_for_is_left_out() {
        let addr = |text: &str| text.parse::<SocketAddr>().unwrap();
        let merge = |list: &[&str]| merged(list.iter().map(|text| addr(text)).collect());
        assert_eq!(merge(&["0.0.0.0:443", "[::]:443", "127.0.0.1:443"]), [addr("[::]:443")]);
        assert_eq!(merge(&["0.0.0.0:443", "127.0.0.1:443", "0.0.0.0:80"]), [addr("0.0.0.0:80"), addr("0.0.0.0:443")]);
        assert_eq!(merge(&["[::1]:443", "0.0.0.0:443"]), [addr("0.0.0.0:443"), addr("[::1]:443")]);
    }
}
