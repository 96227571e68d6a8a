//! [`HostPattern`]: the hosts that a route is for.

use std::fmt;
use std::net::IpAddr;

use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, YamlText};
use crate::config::kinds::Quoted;
use crate::config::problem::ValueError;

/// Which hosts a route is for; lower case, without a port and without the root's dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HostPattern {
    /// This host; an IPv6 address stands in brackets.
    Exact(String),
    /// Every name below this one, at any depth; not the name itself.
    Below(String),
}

impl HostPattern {
    /// Whether the pattern matches `host`, which is in the same form.
    pub(crate) fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => name == host,
            Self::Below(parent) => {
                host.strip_suffix(parent.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
        }
    }

    /// Whether the pattern matches every host that `other` matches.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Below(own), Self::Below(other)) => own == other || self.matches(other),
            (own, Self::Exact(host)) => own.matches(host),
            (Self::Exact(_), Self::Below(_)) => false,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Below(parent) => write!(f, "*.{parent}"),
        }
    }
}

/// The kind of `host`: a host as `Host` has it, without the port; or `*.` and a name.
pub(super) struct Host;

impl KeyKind for Host {
    type Value = HostPattern;

    fn name(&self) -> String {
        "host".to_owned()
    }

    fn parse(&self, text: &str) -> Result<HostPattern, ValueError> {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        match bare.parse() {
            Ok(IpAddr::V6(ip)) => return Ok(HostPattern::Exact(format!("[{ip}]"))),
            Ok(IpAddr::V4(ip)) if bare == text => return Ok(HostPattern::Exact(ip.to_string())),
            _ => {}
        }
        let lower = text.to_ascii_lowercase();
        let (name, below) = match lower.strip_prefix("*.") {
            Some(parent) => (parent, true),
            None => (lower.as_str(), false),
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        // Container networks use underscores in host names.
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        if name.len() <= 253 && name.split('.').all(label) {
            let name = name.to_owned();
            return Ok(if below { HostPattern::Below(name) } else { HostPattern::Exact(name) });
        }
        let fault = ValueError::new(format!("{} is not a host", Quoted(text)));
        Err(if text.contains('/') {
            fault.hint("only the host, without scheme and path")
        } else if text.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())) {
            fault.hint("only the host, without a port: every port counts")
        } else if text == "*" {
            fault.hint("without `host` a route is for every host")
        } else if text.contains('*') {
            fault.hint("a wildcard is the whole first label: *.example.com")
        } else if text.is_ascii() {
            fault.hint("such as gw.example.com, *.example.com or 192.0.2.7")
        } else {
            fault.hint("write it in its ASCII form, which begins with xn--")
        })
    }

    fn write(&self, value: &HostPattern) -> YamlText {
        YamlText::Word(value.to_string())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^(\\*\\.)?[0-9A-Za-z:._\\[\\]-]+$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_an_address_or_all_below_a_name() {
        for (text, expected) in [
            ("GW.Example.com", "gw.example.com"),
            ("gw.example.com.", "gw.example.com"),
            ("*.Example.com", "*.example.com"),
            ("my_gateway", "my_gateway"),
            ("192.0.2.7", "192.0.2.7"),
            ("0:0::1", "[::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(Host.parse(text).map(|host| host.to_string()), Ok(expected.to_owned()), "{text}");
        }
        for (text, hint) in [
            ("", "such as"),
            ("gw.example.com:8443", "without a port"),
            ("[::1]:8443", "without a port"),
            ("https://gw.example.com", "without scheme"),
            ("gw.example.com/claw", "without scheme"),
            ("*", "every host"),
            ("gw.*.com", "first label"),
            ("*gw.com", "first label"),
            ("~^gw", "such as"),
            ("a..b", "such as"),
            ("gw example", "such as"),
            ("bücher.example", "xn--"),
        ] {
            let fault = Host.parse(text).unwrap_err();
            assert!(fault.hint.as_deref().unwrap().contains(hint), "{text}: {fault:?}");
        }
    }

    #[test]
    fn a_wildcard_is_for_every_name_below_and_not_the_name() {
        for (pattern, host, expected) in [
            ("gw.example.com", "gw.example.com", true),
            ("gw.example.com", "example.com", false),
            ("*.example.com", "gw.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", ".example.com", false),
            ("*.example.com", "gwexample.com", false),
            ("*.example.com", "gw.example.com.evil", false),
        ] {
            assert_eq!(Host.parse(pattern).unwrap().matches(host), expected, "{pattern} {host}");
        }
    }
}
