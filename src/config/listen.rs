//! `listen`: the addresses that clients connect to.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use super::keys::{Checks, Keys, Kind, Section, Written};
use super::kinds::{Addr, Cidr, List, absolute_unix_path};
use super::problem::Fault;

/// The `listen` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// TLS listeners; ALPN h2 and http/1.1.
    pub https: Vec<SocketAddr>,
    /// Plain listeners that redirect to https.
    pub http: Vec<SocketAddr>,
    /// Plain listeners that proxy.
    pub plain: Vec<BindAddr>,
    /// Peers whose connections start with a PROXY protocol header (v1 or v2).
    pub proxy_protocol_from: Vec<IpNet>,
}

/// An address a listener can be bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindAddr {
    /// `host:port`
    Tcp(SocketAddr),
    /// `unix:/path`
    Unix(PathBuf),
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            https: vec![SocketAddr::from((Ipv6Addr::UNSPECIFIED, 8443))],
            http: Vec::new(),
            plain: Vec::new(),
            proxy_protocol_from: Vec::new(),
        }
    }
}

impl fmt::Display for BindAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => addr.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Section for Listen {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("https", List(Addr), &mut self.https, "TLS listeners; ALPN h2 and http/1.1.");
        keys.key("http", List(Addr), &mut self.http, "Plain listeners that redirect to https.");
        keys.key(
            "plain",
            List(Bind),
            &mut self.plain,
            "Plain listeners that proxy, for a sidecar whose TLS ends elsewhere; also unix:/path.",
        );
        keys.key(
            "proxy_protocol_from",
            List(Cidr),
            &mut self.proxy_protocol_from,
            "Peers whose connections start with a PROXY protocol header (v1 or v2).",
        );
    }

    fn check(&self, checks: &mut Checks<'_>) {
        if self.https.is_empty() && self.plain.is_empty() {
            let fault = Fault::new(if self.http.is_empty() {
                "no listener at all"
            } else {
                "a listener that redirects to https, and none for https"
            });
            checks.report(&["https", "plain", "http"], fault.hint("such as https: [\"[::]:8443\"]"));
        } else if self.https.is_empty() && !self.http.is_empty() {
            let fault = Fault::new("redirects to https, where nothing listens");
            checks.report(&["http", "https"], fault.hint("add an https listener, or make it a plain one"));
        }
    }
}

/// An address to listen at, TCP or unix.
struct Bind;

impl Kind for Bind {
    type Value = BindAddr;

    fn name(&self) -> String {
        "address or unix:/path".to_owned()
    }

    fn parse(&self, text: &str) -> Result<BindAddr, Fault> {
        match text.strip_prefix("unix:") {
            Some(path) => absolute_unix_path(path).map(BindAddr::Unix),
            None => Addr.parse(text).map(BindAddr::Tcp),
        }
    }

    fn write(&self, value: &BindAddr) -> Written {
        Written::Word(value.to_string())
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [Addr.schema(), { "type": "string", "pattern": "^unix:/" }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bind_takes_a_unix_path_and_only_an_absolute_one() {
        assert_eq!(Bind.parse("unix:/run/f.sock"), Ok(BindAddr::Unix(PathBuf::from("/run/f.sock"))));
        assert_eq!(Bind.parse(":80").map(|addr| addr.to_string()), Ok("[::]:80".to_owned()));
        assert!(Bind.parse("unix:run/f.sock").is_err());
        assert!(Bind.parse("unix:").is_err());
        assert!(Bind.parse(&format!("unix:/{}", "x".repeat(107))).is_err());
    }
}
