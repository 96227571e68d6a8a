//! `listen`: the addresses that clients connect to.

use std::fmt;
use std::net::{AddrParseError, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use super::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use super::kinds::{
    AddrValue, Cidr, GivenName, Keyed, List, NoValue, Optional, UnixAccess, WordOf, absolute_unix_path, unix_access,
};
use super::node::{ConfigNode, ConfigValue};
use super::problem::ValueError;
use super::setting::SettingReader;

/// The `listen` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// TLS listeners; ALPN h2 and http/1.1.
    pub https: Vec<ListenTcp>,
    /// Plain listeners that redirect to https.
    pub http: Vec<ListenTcp>,
    /// Plain listeners that proxy.
    pub plain: Vec<ListenAt>,
    /// Networks of the peers that start their connections with a PROXY protocol header (v1 or v2).
    pub proxy_protocol_from: Vec<IpNet>,
}

/// An address that a listener can be bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindAddr {
    /// `host:port`
    Tcp(SocketAddr),
    /// `unix:/path`
    Unix(PathBuf),
}

/// A TCP listener's address, its name, and what it offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenTcp {
    /// The address to bind.
    pub address: SocketAddr,
    /// The name by which routes choose it; with one, it has only the routes that do.
    pub name: Option<String>,
    /// Whether its clients may open WebSockets over HTTP/2, where `websocket.http2` lets them.
    pub http2_websockets: bool,
}

/// A plain listener's address, its name, and the permissions of its unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAt {
    /// The address to bind.
    pub address: BindAddr,
    /// The permissions; used for a unix socket only.
    pub(crate) access: UnixAccess,
    /// See [`ListenTcp::name`].
    pub name: Option<String>,
}

impl Listen {
    /// The names of the listeners for clients, each with its key; `None` for one without.
    pub(crate) fn names(&self) -> impl Iterator<Item = (String, Option<&str>)> {
        let https = self.https.iter().enumerate().map(|(index, one)| (format!("listen.https[{index}]"), &one.name));
        let http = self.http.iter().enumerate().map(|(index, one)| (format!("listen.http[{index}]"), &one.name));
        let plain = self.plain.iter().enumerate().map(|(index, one)| (format!("listen.plain[{index}]"), &one.name));
        https.chain(http).chain(plain).map(|(key, name)| (key, name.as_deref()))
    }
}

impl From<SocketAddr> for ListenTcp {
    fn from(address: SocketAddr) -> Self {
        Self { address, name: None, http2_websockets: true }
    }
}

impl FromStr for ListenTcp {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        text.parse().map(|address: SocketAddr| address.into())
    }
}

impl From<BindAddr> for ListenAt {
    fn from(address: BindAddr) -> Self {
        Self { address, access: UnixAccess::default(), name: None }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            https: vec![SocketAddr::from((Ipv6Addr::UNSPECIFIED, 8443)).into()],
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

impl KeySection for Listen {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "https",
            List(ListenTcpValue),
            &mut self.https,
            "TLS listeners; ALPN h2 and http/1.1. One with a name, as { address: \"127.0.0.1:9443\", name: internal }, serves only \
             the routes that name it. http2_websockets: off leaves its WebSockets to HTTP/1.1.",
        );
        keys.key(
            "http",
            List(ListenTcpValue),
            &mut self.http,
            "Plain listeners that redirect to https. One with a name redirects what none of the routes takes that name it.",
        );
        keys.key(
            "plain",
            List(ListenPlain),
            &mut self.plain,
            "Plain listeners that proxy, for a sidecar whose TLS ends elsewhere; also unix:/path, or { address: unix:/path, mode: \"0660\", group: www-data, name: internal }.",
        );
        keys.key(
            "proxy_protocol_from",
            List(Cidr),
            &mut self.proxy_protocol_from,
            "Peers whose connections start with a PROXY protocol header (v1 or v2).",
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if self.https.is_empty() && self.plain.is_empty() {
            let fault = ValueError::new(if self.http.is_empty() {
                "no listener at all"
            } else {
                "a listener that redirects to https, and none for https"
            });
            checks.report(&["https", "plain", "http"], fault.hint("such as https: [\"[::]:8443\"]"));
        } else if self.https.is_empty() && !self.http.is_empty() {
            let fault = ValueError::new("redirects to https, where nothing listens");
            checks.report(&["http", "https"], fault.hint("add an https listener, or make it a plain one"));
        }
    }
}

/// The kind of `https` and `http`: an address, or the long form.
struct ListenTcpValue;

const LONG_TCP: Keyed<ListenTcpLong> = Keyed::NEW;

impl KeyKind for ListenTcpValue {
    type Value = ListenTcp;

    fn name(&self) -> String {
        format!("{} or {}", AddrValue.name(), LONG_TCP.name())
    }

    fn parse(&self, text: &str) -> Result<ListenTcp, ValueError> {
        AddrValue.parse(text).map(ListenTcp::from)
    }

    fn write(&self, value: &ListenTcp) -> YamlText {
        let ListenTcp { address, name, http2_websockets } = value.clone();
        if name.is_none() && http2_websockets {
            return AddrValue.write(&address);
        }
        LONG_TCP.write(&ListenTcpLong { address: Some(address), name, http2_websockets })
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [AddrValue.schema(), LONG_TCP.schema()] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<ListenTcp> {
        if let ConfigValue::Map(_) = node.value {
            let ListenTcpLong { address, name, http2_websockets } = LONG_TCP.read(node, at)?;
            return Some(ListenTcp { address: address?, name, http2_websockets });
        }
        at.word(node, self)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ListenTcpLong {
    address: Option<SocketAddr>,
    name: Option<String>,
    http2_websockets: bool,
}

impl Default for ListenTcpLong {
    fn default() -> Self {
        Self { address: None, name: None, http2_websockets: true }
    }
}

impl KeySection for ListenTcpLong {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("address", Optional(NoValue::Null, AddrValue), &mut self.address, "The address.");
        keys.key("name", Optional(NoValue::Null, LISTENER_NAME), &mut self.name, NAME_DOC);
        keys.key(
            "http2_websockets",
            WordOf::SWITCH,
            &mut self.http2_websockets,
            "Whether clients of this https listener may open WebSockets over HTTP/2, where websocket.http2 lets them.",
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if self.address.is_none() {
            checks.report(&["address"], ValueError::new("`address` is missing").hint("such as 127.0.0.1:9443"));
        }
    }
}

/// The kind of a listener's name.
pub(super) const LISTENER_NAME: GivenName = GivenName("a listener");
const NAME_DOC: &str = "The name by which routes choose it.";

/// The kind of `plain`: an address, or the long form.
struct ListenPlain;

const LONG: Keyed<ListenLong> = Keyed::NEW;

impl KeyKind for ListenPlain {
    type Value = ListenAt;

    fn name(&self) -> String {
        format!("{} or {}", BindValue.name(), LONG.name())
    }

    fn parse(&self, text: &str) -> Result<ListenAt, ValueError> {
        BindValue.parse(text).map(ListenAt::from)
    }

    fn write(&self, value: &ListenAt) -> YamlText {
        let ListenAt { address, access, name } = value.clone();
        if access == UnixAccess::default() && name.is_none() {
            return BindValue.write(&address);
        }
        LONG.write(&ListenLong { address: Some(address), access, name })
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [BindValue.schema(), LONG.schema()] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<ListenAt> {
        if let ConfigValue::Map(_) = node.value {
            let ListenLong { address, access, name } = LONG.read(node, at)?;
            return Some(ListenAt { address: address?, access, name });
        }
        at.word(node, self)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct ListenLong {
    address: Option<BindAddr>,
    access: UnixAccess,
    name: Option<String>,
}

impl KeySection for ListenLong {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("address", Optional(NoValue::Null, BindValue), &mut self.address, "The address, or unix:/path.");
        unix_access::keys(&mut self.access, keys);
        keys.key("name", Optional(NoValue::Null, LISTENER_NAME), &mut self.name, NAME_DOC);
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        match &self.address {
            None => {
                checks.report(&["address"], ValueError::new("`address` is missing").hint("such as unix:/run/f.sock"));
            }
            Some(BindAddr::Tcp(_)) => unix_access::check_tcp(&self.access, checks),
            Some(BindAddr::Unix(_)) => {}
        }
    }
}

/// The kind of an address to bind, TCP or unix.
pub(super) struct BindValue;

impl KeyKind for BindValue {
    type Value = BindAddr;

    fn name(&self) -> String {
        "address or unix:/path".to_owned()
    }

    fn parse(&self, text: &str) -> Result<BindAddr, ValueError> {
        match text.strip_prefix("unix:") {
            Some(path) => absolute_unix_path(path).map(BindAddr::Unix),
            None => AddrValue.parse(text).map(BindAddr::Tcp),
        }
    }

    fn write(&self, value: &BindAddr) -> YamlText {
        YamlText::Word(value.to_string())
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [AddrValue.schema(), { "type": "string", "pattern": "^unix:/" }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bind_takes_a_unix_path_and_only_an_absolute_one() {
        assert_eq!(BindValue.parse("unix:/run/f.sock"), Ok(BindAddr::Unix(PathBuf::from("/run/f.sock"))));
        assert_eq!(BindValue.parse(":80").map(|addr| addr.to_string()), Ok("[::]:80".to_owned()));
        for (text, fault) in [
            ("unix:run/f.sock", "must be absolute"),
            ("unix:", "must be absolute"),
            (&format!("unix:/{}", "x".repeat(107)), "107 bytes"),
        ] {
            let message = BindValue.parse(text).unwrap_err().message;
            assert!(message.contains(fault), "{text}: {message}");
        }
    }
}
