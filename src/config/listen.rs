//! `listen`: the addresses that clients connect to.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use super::keys::{Checks, Keys, Kind, Section, Written};
use super::kinds::{Cidr, List, Quoted, absolute_unix_path};
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

/// A TCP address to listen at.
pub(super) struct Addr;

impl Kind for Addr {
    type Value = SocketAddr;

    fn name(&self) -> String {
        "address".to_owned()
    }

    fn parse(&self, text: &str) -> Result<SocketAddr, Fault> {
        if let Ok(addr) = text.parse() {
            return Ok(addr);
        }
        if let Some(port) = text.strip_prefix(':').and_then(port) {
            return Ok(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)));
        }
        Err(explain(text))
    }

    fn write(&self, value: &SocketAddr) -> Written {
        Written::Word(value.to_string())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^([0-9.]*|\\[[0-9a-fA-F:.]+(%[0-9]+)?\\]):[0-9]{1,5}$" })
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

/// What is wrong with an address.
fn explain(text: &str) -> Fault {
    let fault = |what: &str| Fault::new(format!("{} {what}", Quoted(text)));
    if text.starts_with("unix:") {
        return fault("is a unix socket; only plain listeners and admin may be one");
    }
    if text.contains("://") {
        return fault("is a URL; expected an address and a port").hint("such as 0.0.0.0:443 or [::]:443");
    }
    if let Some(port) = port(text) {
        return fault("has no address").hint(format!("write `:{port}` for every address"));
    }
    if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return fault("has no port").hint(format!("write `{}`", SocketAddr::new(ip, 8443)));
    }
    match text.rsplit_once(':') {
        Some((host, number)) if host.contains(':') && port(number).is_some() => {
            fault("is ambiguous").hint(format!("put the address in brackets: `[{}]:{number}`", host.escape_debug()))
        }
        Some((_, number)) if port(number).is_none() => {
            fault("has no valid port").hint("a port is a number up to 65535")
        }
        Some((host, number)) if host.contains(|letter: char| letter.is_ascii_alphabetic()) => {
            fault("is a host name; expected an address")
                .hint(format!("`127.0.0.1:{number}` for this machine only, `:{number}` for every address"))
        }
        Some(_) => fault("is not an address").hint("such as 0.0.0.0:443, [::]:443 or :443"),
        None => fault("has no port").hint("such as 0.0.0.0:443, [::]:443 or :443"),
    }
}

/// A port number and nothing else.
fn port(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_an_ip_and_a_port() {
        let good = [
            ("[::]:8443", "[::]:8443"),
            ("0.0.0.0:443", "0.0.0.0:443"),
            (":8443", "[::]:8443"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[fe80::1%3]:443", "[fe80::1%3]:443"),
        ];
        for (text, expected) in good {
            assert_eq!(Addr.parse(text).map(|addr| addr.to_string()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_wrong_address_says_what_is_wrong() {
        let bad = [
            ("", "has no port"),
            ("8443", "has no address"),
            ("0.0.0.0", "has no port"),
            ("::1", "has no port"),
            ("[::]", "has no port"),
            ("localhost:8443", "is a host name"),
            ("localhost", "has no port"),
            ("fe80::1:2:3:4:5:6:7:8443", "is ambiguous"),
            ("1.2.3.4:65536", "has no valid port"),
            ("1.2.3.4:https", "has no valid port"),
            ("1.2.3:443", "is not an address"),
            ("https://0.0.0.0:443", "is a URL"),
            ("unix:/run/x", "is a unix socket"),
            ("*:443", "is not an address"),
            (":99999", "has no valid port"),
            (":+1", "has no valid port"),
        ];
        for (text, expected) in bad {
            let fault = Addr.parse(text).unwrap_err();
            assert!(fault.message.contains(expected), "{text}: {}", fault.message);
        }
    }

    #[test]
    fn only_bind_takes_a_unix_path_and_only_an_absolute_one() {
        assert_eq!(Bind.parse("unix:/run/f.sock"), Ok(BindAddr::Unix(PathBuf::from("/run/f.sock"))));
        assert_eq!(Bind.parse(":80").map(|addr| addr.to_string()), Ok("[::]:80".to_owned()));
        assert!(Bind.parse("unix:run/f.sock").is_err());
        assert!(Bind.parse("unix:").is_err());
        assert!(Bind.parse(&format!("unix:/{}", "x".repeat(107))).is_err());
    }
}
