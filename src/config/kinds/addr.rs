//! [`AddrValue`]: an address and a port.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use serde_json::{Value as Json, json};

use super::Quoted;
use crate::config::keys::{KeyKind, YamlText};
use crate::config::problem::ValueError;

/// A TCP address to listen at; `:443` is port 443 of every address.
pub(in crate::config) struct AddrValue;

impl KeyKind for AddrValue {
    type Value = SocketAddr;

    fn name(&self) -> String {
        "address".to_owned()
    }

    fn parse(&self, text: &str) -> Result<SocketAddr, ValueError> {
        if let Ok(addr) = text.parse() {
            return Ok(addr);
        }
        if let Some(port) = text.strip_prefix(':').and_then(port) {
            return Ok(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)));
        }
        Err(explain(text))
    }

    fn write(&self, value: &SocketAddr) -> YamlText {
        YamlText::Word(value.to_string())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^([0-9.]*|\\[[0-9a-fA-F:.]+(%[0-9]+)?\\]):[0-9]{1,5}$" })
    }
}

/// Explains why `text` is no address.
fn explain(text: &str) -> ValueError {
    let fault = |what: &str| ValueError::new(format!("{} {what}", Quoted(text)));
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
        Some((host, number)) if host.contains(':') && !host.contains('@') && port(number).is_some() => {
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

/// Parses a port number.
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
            assert_eq!(AddrValue.parse(text).map(|addr| addr.to_string()), Ok(expected.to_owned()), "{text}");
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
            let fault = AddrValue.parse(text).unwrap_err();
            assert!(fault.message.contains(expected), "{text}: {}", fault.message);
        }
    }
}
