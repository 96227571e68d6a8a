//! `upstream`: the gateway's address.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::keys::{KeyKind, YamlText};
use super::kinds::absolute_unix_path;
use super::problem::ValueError;

/// Where the gateway listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum UpstreamAddress {
    /// `http://host:port`
    Http {
        /// A name or an address, IPv6 without brackets.
        host: String,
        /// The TCP port.
        port: u16,
    },
    /// `https://host:port`
    Https {
        /// A name or an address, IPv6 without brackets.
        host: String,
        /// The TCP port.
        port: u16,
    },
    /// `unix:/path`
    Unix(PathBuf),
}

impl Default for UpstreamAddress {
    fn default() -> Self {
        Self::Http { host: "127.0.0.1".to_owned(), port: 18789 }
    }
}

impl UpstreamAddress {
    /// Whether one of these addresses can reach it, as far as that can be told: a name may have addresses of either family.
    pub(super) fn is_reached_from(&self, sources: &[IpAddr]) -> bool {
        match self {
            Self::Unix(_) => false,
            Self::Http { host, .. } | Self::Https { host, .. } => match host.parse::<IpAddr>() {
                Ok(ip) => sources.iter().any(|source| source.is_ipv4() == ip.is_ipv4()),
                Err(_) => true,
            },
        }
    }
}

impl fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = match self {
            Self::Http { host, port } => ("http", host, port),
            Self::Https { host, port } => ("https", host, port),
            Self::Unix(path) => return write!(f, "unix:{}", path.display()),
        };
        if host.contains(':') { write!(f, "{scheme}://[{host}]:{port}") } else { write!(f, "{scheme}://{host}:{port}") }
    }
}

/// The kind of a gateway's URL. A fault of one is described without repeating the URL: it may hold a password.
pub(super) struct UpstreamUrl;

impl KeyKind for UpstreamUrl {
    type Value = UpstreamAddress;

    fn name(&self) -> String {
        "URL".to_owned()
    }

    fn parse(&self, text: &str) -> Result<UpstreamAddress, ValueError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return absolute_unix_path(path).map(UpstreamAddress::Unix);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            let fault = ValueError::new("the URL has no scheme");
            return Err(match authority(text) {
                Ok((host, port)) => {
                    fault.hint(format!("write `{}`", UpstreamAddress::Http { host, port: port.unwrap_or(80) }))
                }
                Err(_) => fault.hint(EXAMPLES),
            });
        };
        let default_port = match scheme.to_ascii_lowercase().as_str() {
            "http" => 80,
            "https" => 443,
            "ws" => {
                return Err(ValueError::new("the gateway is reached by http, WebSockets too").hint("write http://…"));
            }
            "wss" => {
                return Err(ValueError::new("the gateway is reached by https, WebSockets too").hint("write https://…"));
            }
            "dns+http" | "dns+https" | "srv+http" | "srv+https" => {
                let fault = ValueError::new("a name that stands for several gateways is no address of one");
                return Err(fault.hint("list it in `upstreams.NAME.endpoints`, and write that NAME here"));
            }
            _ => return Err(ValueError::new("the URL's scheme is neither http nor https").hint(EXAMPLES)),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (place, target) = rest.split_at(end);
        if place.contains('@') {
            let fault = ValueError::new("the URL has a user or a password");
            return Err(fault.hint(
                "frontgate forwards what clients send as it comes, their credentials too; remove the part before the @",
            ));
        }
        if !matches!(target, "" | "/") {
            let what = match target.as_bytes().first() {
                Some(b'?') => "query",
                Some(b'#') => "fragment",
                _ => "path",
            };
            let fault = ValueError::new(format!("the URL has a {what}"));
            return Err(fault.hint("frontgate forwards the request target as it comes; only host and port belong here"));
        }
        let (host, port) = authority(place)?;
        let port = port.unwrap_or(default_port);
        Ok(if default_port == 80 {
            UpstreamAddress::Http { host, port }
        } else {
            UpstreamAddress::Https { host, port }
        })
    }

    fn write(&self, value: &UpstreamAddress) -> YamlText {
        YamlText::Word(value.to_string())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^(https?://[^/?#@]+/?|unix:/.+)$" })
    }
}

const EXAMPLES: &str = "such as http://127.0.0.1:18789, https://gw.internal:8443 or unix:/run/gateway.sock";

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
pub(super) fn authority(text: &str) -> Result<(String, Option<u16>), ValueError> {
    let bad_host = || ValueError::new("the URL has no valid host").hint(EXAMPLES);
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (ip, port) = rest.split_once(']').ok_or_else(bad_host)?;
        let ip: Ipv6Addr = ip.parse().map_err(|_| bad_host())?;
        (ip.to_string(), port)
    } else {
        let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
        // Container networks use underscores in host names; they resolve.
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if host.is_empty() || host.len() > 253 || !host.bytes().all(letter) {
            return Err(bad_host());
        }
        (host.to_ascii_lowercase(), port)
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok((host, None)),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => match digits.parse() {
            Ok(port) if port > 0 => Ok((host, Some(port))),
            _ => Err(ValueError::new("the URL has no valid port").hint("a port is a number from 1 to 65535")),
        },
        _ => Err(ValueError::new("the URL has no valid port").hint(if text.matches(':').count() > 1 {
            "an IPv6 address stands in brackets: http://[::1]:18789"
        } else {
            "a port is a number from 1 to 65535"
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_http_https_or_a_unix_socket() {
        let good = [
            ("http://127.0.0.1:18789", "http://127.0.0.1:18789"),
            ("http://gw", "http://gw:80"),
            ("https://GW.internal/", "https://gw.internal:443"),
            ("https://gw:8443", "https://gw:8443"),
            ("http://[::1]:18789", "http://[::1]:18789"),
            ("http://[::1]", "http://[::1]:80"),
            ("HTTP://my_gateway:1", "http://my_gateway:1"),
            ("unix:/run/gw.sock", "unix:/run/gw.sock"),
        ];
        for (text, expected) in good {
            assert_eq!(UpstreamUrl.parse(text).map(|url| url.to_string()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_wrong_url_is_explained_without_being_repeated() {
        let bad = [
            ("127.0.0.1:18789", "no scheme", "write `http://127.0.0.1:18789`"),
            ("gateway", "no scheme", "write `http://gateway:80`"),
            ("", "no scheme", "such as"),
            ("ann:secret@gw", "no scheme", "such as"),
            ("ws://gw:1", "by http", "http://"),
            ("wss://gw:1", "by https", "https://"),
            ("ftp://gw", "neither", "such as"),
            ("dns+http://gw:1", "stands for several", "upstreams.NAME.endpoints"),
            ("http://gw/openclaw", "a path", "as it comes"),
            ("http://gw?token=secret", "a query", "as it comes"),
            ("http://gw#secret", "a fragment", "as it comes"),
            ("http://ann:secret@gw:1", "a user", "before the @"),
            ("http://ann:secret@gw:1/x", "a user", "before the @"),
            ("http://", "no valid host", "such as"),
            ("http://:80", "no valid host", "such as"),
            ("http://g w", "no valid host", "such as"),
            ("http://[::1", "no valid host", "such as"),
            ("http://::1:80", "no valid host", "such as"),
            ("http://fe80::1:80", "no valid port", "brackets"),
            ("http://gw:0", "no valid port", "65535"),
            ("http://gw:99999", "no valid port", "65535"),
            ("http://gw:secret", "no valid port", "65535"),
            ("unix:gw.sock", "must be absolute", "such as"),
        ];
        for (text, message, hint) in bad {
            let fault = UpstreamUrl.parse(text).unwrap_err();
            assert!(fault.message.contains(message), "{text}: {fault:?}");
            assert!(fault.hint.as_deref().unwrap().contains(hint), "{text}: {fault:?}");
            assert!(!format!("{fault:?}").contains("secret"), "{text}: {fault:?}");
        }
    }
}
