//! [`EndpointUrl`]: where one gateway of a group listens, or a name that stands for several gateways.

use std::fmt;
use std::net::IpAddr;

use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, YamlText};
use crate::config::problem::ValueError;
use crate::config::upstream::{UpstreamAddress, UpstreamUrl, authority};

/// Where one gateway of a group listens, or a name that stands for several gateways.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum EndpointUrl {
    /// One gateway.
    Address(UpstreamAddress),
    /// All gateways that the DNS has for a name.
    Name(GatewayName),
}

/// A name that stands for gateways, which come and go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct GatewayName {
    /// The name as it is written, in lower case. With a dot at its end it is whole: no search domain is added.
    pub(crate) host: String,
    /// Which records say where the gateways are.
    pub(crate) records: NameRecords,
    /// Whether they are reached over https.
    pub(crate) is_https: bool,
}

/// Which records of a name say where the gateways are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum NameRecords {
    /// `dns+`: each address (A, AAAA) is a gateway, at this port.
    Addresses {
        /// The TCP port of all of them.
        port: u16,
    },
    /// `srv+`: each SRV record names a host and its port (RFC 2782).
    Services,
}

impl EndpointUrl {
    /// What `text` says; or why it is wrong, in words.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        EndpointUrlValue.parse(text).map_err(ValueError::in_words)
    }

    /// The address of one gateway.
    pub(crate) fn address(&self) -> Option<&UpstreamAddress> {
        match self {
            Self::Address(address) => Some(address),
            Self::Name(_) => None,
        }
    }

    /// The name of several gateways.
    pub(crate) fn name(&self) -> Option<&GatewayName> {
        match self {
            Self::Address(_) => None,
            Self::Name(name) => Some(name),
        }
    }

    /// Whether gateways are reached over https there.
    pub(crate) fn is_https(&self) -> bool {
        match self {
            Self::Address(address) => matches!(address, UpstreamAddress::Https { .. }),
            Self::Name(name) => name.is_https,
        }
    }
}

impl From<UpstreamAddress> for EndpointUrl {
    fn from(address: UpstreamAddress) -> Self {
        Self::Address(address)
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl fmt::Display for GatewayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        match self.records {
            NameRecords::Addresses { port } => write!(f, "dns+{scheme}://{}:{port}", self.host),
            NameRecords::Services => write!(f, "srv+{scheme}://{}", self.host),
        }
    }
}

/// The kind of an endpoint's URL.
pub(super) struct EndpointUrlValue;

impl KeyKind for EndpointUrlValue {
    type Value = EndpointUrl;

    fn name(&self) -> String {
        UpstreamUrl.name()
    }

    fn parse(&self, text: &str) -> Result<EndpointUrl, ValueError> {
        let Some((records, rest)) = text.split_once('+') else { return UpstreamUrl.parse(text).map(Into::into) };
        let services = match records.to_ascii_lowercase().as_str() {
            "dns" => false,
            "srv" => true,
            // A fault of a URL does not repeat it: it may hold a password.
            _ => return UpstreamUrl.parse(text).map(Into::into),
        };
        let prefix = if services { "srv+" } else { "dns+" };
        if rest.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("unix:")) {
            let fault = ValueError::new(format!("{prefix} is for names, and a unix socket has none"));
            return Err(fault.hint("write unix:/path without it"));
        }
        let (host, port, is_https) = place(rest)?;
        if let Ok(ip) = host.parse::<IpAddr>() {
            let shown = if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() };
            let scheme = if is_https { "https" } else { "http" };
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let fault = ValueError::new(format!("{prefix} is for names, and {ip} is an address"));
            return Err(fault.hint(format!("write {scheme}://{shown}{port}")));
        }
        let records = match (services, port) {
            (false, Some(port)) => NameRecords::Addresses { port },
            (false, None) => {
                let fault = ValueError::new("the port is missing: the DNS has only addresses");
                return Err(fault.hint(format!("such as dns+http://{host}:18789; with SRV records, srv+http://…")));
            }
            (true, None) => NameRecords::Services,
            (true, Some(_)) => {
                let scheme = if is_https { "https" } else { "http" };
                let fault = ValueError::new("the URL has a port, and SRV records say the port of each gateway");
                return Err(fault.hint(format!("write srv+{scheme}://{host}; without SRV records, dns+{scheme}://…")));
            }
        };
        Ok(EndpointUrl::Name(GatewayName { host, records, is_https }))
    }

    fn write(&self, value: &EndpointUrl) -> YamlText {
        YamlText::Word(value.to_string())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^(https?://[^/?#@]+/?|dns[+]https?://[^/?#@]+:[0-9]+/?|srv[+]https?://[^/?#@:]+/?|unix:/.+)$" })
    }
}

/// Host, port and scheme of what stands behind `dns+` or `srv+`.
fn place(text: &str) -> Result<(String, Option<u16>, bool), ValueError> {
    let fault = || ValueError::new("neither http:// nor https:// follows").hint(EXAMPLES);
    let (scheme, rest) = text.split_once("://").ok_or_else(fault)?;
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err(fault());
    }
    // The same faults as any URL of a gateway has, with the same words.
    UpstreamUrl.parse(text)?;
    let (host, port) = authority(rest.trim_end_matches('/'))?;
    Ok((host, port, scheme == "https"))
}

const EXAMPLES: &str = "such as dns+http://gateways.internal:18789 or srv+http://_gw._tcp.internal";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_address_or_a_name_that_stands_for_several() {
        for (text, expected) in [
            ("http://gw", "http://gw:80"),
            ("unix:/run/a+b.sock", "unix:/run/a+b.sock"),
            ("dns+http://Gateways.internal:18789", "dns+http://gateways.internal:18789"),
            ("DNS+HTTPS://my_gateways:443/", "dns+https://my_gateways:443"),
            ("dns+http://gateways.internal.:80", "dns+http://gateways.internal.:80"),
            ("srv+http://_gw._tcp.internal", "srv+http://_gw._tcp.internal"),
            ("srv+https://gw.service.consul/", "srv+https://gw.service.consul"),
        ] {
            let read = EndpointUrlValue.parse(text);
            assert_eq!(read.as_ref().map(ToString::to_string), Ok(expected.to_owned()), "{text}");
            assert_eq!(EndpointUrlValue.parse(expected), read, "{text}");
        }
    }

    #[test]
    fn a_wrong_name_is_explained_without_being_repeated_where_it_may_hold_a_password() {
        for (text, message, hint) in [
            ("dns+http://10.0.0.4:18789", "10.0.0.4 is an address", "write http://10.0.0.4:18789"),
            ("dns+https://[::1]:1", "::1 is an address", "write https://[::1]:1"),
            ("srv+http://10.0.0.4", "10.0.0.4 is an address", "write http://10.0.0.4"),
            ("dns+http://gw", "the port is missing", "dns+http://gw:18789"),
            ("dns+https://gw/", "the port is missing", "dns+http://gw:18789"),
            ("srv+https://_gw._tcp.lan:443", "SRV records say the port", "write srv+https://_gw._tcp.lan"),
            ("dns+unix:/run/gw.sock", "a unix socket has none", "write unix:/path"),
            ("srv+unix:/run/gw.sock", "a unix socket has none", "write unix:/path"),
            ("dns+http://gw:1/openclaw", "a path", "as it comes"),
            ("srv+http://gw/openclaw", "a path", "as it comes"),
            ("dns+http://gw:1?token=secret", "a query", "as it comes"),
            ("dns+http://ann:secret@gw:1", "a user", "before the @"),
            ("dns+ws://gw:1", "neither http://", "such as dns+http://"),
            ("srv+gw", "neither http://", "such as dns+http://"),
            ("dns+http://", "no valid host", "such as"),
            ("dns+http://gw:0", "no valid port", "65535"),
            ("tcp+http://ann:secret@gw", "neither http nor https", "such as"),
        ] {
            let fault = EndpointUrlValue.parse(text).unwrap_err();
            assert!(fault.message.contains(message), "{text}: {fault:?}");
            assert!(fault.hint.as_deref().unwrap().contains(hint), "{text}: {fault:?}");
            assert!(!format!("{fault:?}").contains("secret"), "{text}: {fault:?}");
        }
    }
}
