//! [`CertName`]: a name that a certificate can carry.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde_json::{Value as Json, json};

use super::Quoted;
use crate::config::keys::{KeyKind, YamlText};
use crate::config::problem::ValueError;

/// A name a certificate can carry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Name {
    /// A DNS name, lower case; may begin with `*.`
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
}

/// A DNS name or an IP address.
pub(in crate::config) struct CertName;

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

impl KeyKind for CertName {
    type Value = Name;

    fn name(&self) -> String {
        "name".to_owned()
    }

    fn parse(&self, text: &str) -> Result<Name, ValueError> {
        if let Ok(ip) = text.parse() {
            return Ok(Name::Ip(ip));
        }
        let name = text.to_ascii_lowercase();
        let labels: Vec<&str> = name.strip_prefix("*.").unwrap_or(&name).split('.').collect();
        let numeric = labels.last().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        if labels.iter().all(|label| is_label(label)) && !numeric && name.len() <= 253 {
            return Ok(Name::Dns(name));
        }
        let fault = ValueError::new(format!("{} is not a name a certificate can carry", Quoted(text)));
        let plain = text.trim_end_matches('.').trim_matches(['[', ']']);
        Err(if text.contains("://") || text.contains('/') {
            fault.hint("only the name, without scheme and path")
        } else if text.parse::<SocketAddr>().is_ok()
            || text.rsplit_once(':').is_some_and(|(host, _)| !host.contains(':'))
        {
            fault.hint("only the name, without a port")
        } else if !text.is_ascii() {
            fault.hint("write it in its ASCII form, which begins with xn--")
        } else if plain != text && self.parse(plain).is_ok() {
            fault.hint(format!("write `{plain}`"))
        } else if text.contains('*') {
            fault.hint("a wildcard is the whole first label: *.example.com")
        } else {
            fault.hint("such as gw.example.com, *.example.com or 192.0.2.7")
        })
    }

    fn write(&self, value: &Name) -> YamlText {
        YamlText::Word(value.to_string())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^(\\*\\.)?[0-9A-Za-z:.-]+$" })
    }
}

/// One label of a host name: letters, digits and hyphens, 1 to 63 of them (RFC 1123 §2.1).
pub(crate) fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_names_or_addresses() {
        let good = [
            ("localhost", "localhost"),
            ("GW.Example.COM", "gw.example.com"),
            ("*.example.com", "*.example.com"),
            ("192.0.2.7", "192.0.2.7"),
            ("2001:DB8::1", "2001:db8::1"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ];
        for (text, expected) in good {
            assert_eq!(CertName.parse(text).map(|name| name.to_string()), Ok(expected.to_owned()), "{text}");
        }
        let long = format!("{}.example", "x".repeat(64));
        let bad = [
            ("", "such as"),
            ("https://gw.example.com", "without scheme"),
            ("gw.example.com:8443", "without a port"),
            ("[::1]:443", "without a port"),
            ("[::1]", "write `::1`"),
            ("gw.example.com.", "write `gw.example.com`"),
            ("bücher.example", "xn--"),
            ("*", "first label"),
            ("a.*.example", "first label"),
            ("**.example", "first label"),
            ("127.0.0.256", "such as"),
            ("-a.example", "such as"),
            ("a b", "such as"),
            ("under_score.example", "such as"),
            (long.as_str(), "such as"),
        ];
        for (text, hint) in bad {
            let fault = CertName.parse(text).unwrap_err();
            assert!(fault.hint.as_deref().unwrap().contains(hint), "{text}: {fault:?}");
        }
    }
}
