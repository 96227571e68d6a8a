//! `forwarded`: whose forwarding headers are believed, and which ones the gateway gets.

use http::HeaderName;
use ipnet::IpNet;
use serde_json::{Value as Json, json};

use super::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use super::kinds::{Cidr, List, WordOf};
use super::node::ConfigNode;
use super::problem::ValueError;
use super::routes::StrippedName;
use super::setting::SettingReader;

/// The `forwarded` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarded {
    /// Proxies in front of frontgate whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether a client on this machine gets forwarding headers.
    pub local_clients: LocalClients,
    /// Send `X-Forwarded-*` and `X-Real-IP`.
    pub x_forwarded: bool,
    /// Send `Forwarded` (RFC 7239).
    pub rfc7239: bool,
    /// More fields that are removed from every client's request, in any spelling.
    pub strip: Vec<HeaderName>,
}

/// How a client on this machine that asks for a loopback name is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LocalClients {
    /// Without forwarding headers, as a direct client of the gateway.
    #[default]
    Auto,
    /// With forwarding headers, like every other client.
    Forwarded,
}

impl Default for Forwarded {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            local_clients: LocalClients::Auto,
            x_forwarded: true,
            rfc7239: false,
            strip: Vec::new(),
        }
    }
}

const LOCAL_CLIENTS: WordOf<LocalClients> =
    WordOf(&[("auto", LocalClients::Auto), ("forwarded", LocalClients::Forwarded)]);

impl KeySection for Forwarded {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "trusted_proxies",
            List(Cidr),
            &mut self.trusted_proxies,
            "Proxies in front of frontgate whose forwarding headers are believed.",
        );
        keys.key(
            "local_clients",
            LOCAL_CLIENTS,
            &mut self.local_clients,
            "A client on this machine that asks for a loopback name: auto passes it on as the direct client it is, \
             forwarded treats it like every other. A TCP forwarder on this machine (ssh -L, socat) makes its users such clients.",
        );
        let mut sent = SentFamilies { x_forwarded: self.x_forwarded, rfc7239: self.rfc7239 };
        keys.key(
            "headers",
            SentHeaders,
            &mut sent,
            "What tells the gateway about the client: x-forwarded, forwarded (RFC 7239), or both.",
        );
        (self.x_forwarded, self.rfc7239) = (sent.x_forwarded, sent.rfc7239);
        keys.key(
            "strip",
            List(StrippedName),
            &mut self.strip,
            "More fields that never pass from a client, in any spelling, such as the gateway's userHeader. From a trusted \
             proxy they pass, but for routes with `auth`.",
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if let Some(wide) = IpNet::aggregate(&self.trusted_proxies).iter().find(|net| is_wide(net)) {
            let fault = ValueError::new(format!("any client in {wide} is believed to be the address that it names"));
            let hint = "list the addresses of the proxies in front of frontgate, such as 127.0.0.1 or 10.0.0.0/8";
            checks.report(&["trusted_proxies"], fault.hint(hint).warning());
        }
        if !self.x_forwarded && !self.rfc7239 {
            // The gateway takes a request without forwarding headers for one of its own machine's.
            let fault = ValueError::new("without forwarding headers every remote client looks local to the gateway");
            checks.report(&["headers"], fault.hint("write [x-forwarded]"));
        }
    }
}

/// Whether a network is larger than those that one operator can have: a /8, and all private addresses of IPv6.
fn is_wide(net: &IpNet) -> bool {
    match net {
        IpNet::V4(net) => net.prefix_len() < 8,
        IpNet::V6(net) => net.prefix_len() < 16 && !net.network().is_unique_local(),
    }
}

/// Which forwarding headers are sent.
#[derive(Clone, Copy)]
struct SentFamilies {
    x_forwarded: bool,
    rfc7239: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum HeaderFamily {
    XForwarded,
    Rfc7239,
}

/// A list of header families.
struct SentHeaders;

const FAMILIES: List<WordOf<HeaderFamily>> =
    List(WordOf(&[("x-forwarded", HeaderFamily::XForwarded), ("forwarded", HeaderFamily::Rfc7239)]));

impl From<Vec<HeaderFamily>> for SentFamilies {
    fn from(families: Vec<HeaderFamily>) -> Self {
        Self {
            x_forwarded: families.contains(&HeaderFamily::XForwarded),
            rfc7239: families.contains(&HeaderFamily::Rfc7239),
        }
    }
}

impl KeyKind for SentHeaders {
    type Value = SentFamilies;

    fn name(&self) -> String {
        FAMILIES.name()
    }

    fn parse(&self, text: &str) -> Result<SentFamilies, ValueError> {
        FAMILIES.parse(text).map(SentFamilies::from)
    }

    fn write(&self, value: &SentFamilies) -> YamlText {
        let families = [(HeaderFamily::XForwarded, value.x_forwarded), (HeaderFamily::Rfc7239, value.rfc7239)];
        FAMILIES.write(&families.into_iter().filter_map(|(family, sent)| sent.then_some(family)).collect())
    }

    fn schema(&self) -> Json {
        let mut schema = FAMILIES.schema();
        schema["minItems"] = json!(1);
        schema
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<SentFamilies> {
        FAMILIES.read(node, at).map(SentFamilies::from)
    }
}
