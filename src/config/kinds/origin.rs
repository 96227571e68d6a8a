//! [`WebOrigin`]: the origin of a web page; [`HttpsOrigin`]: one that is served over https.

use std::net::Ipv6Addr;

use serde_json::{Value as Json, json};

use super::Quoted;
use crate::config::keys::{KeyKind, YamlText};
use crate::config::problem::ValueError;

/// `scheme://host[:port]` (RFC 6454 §6.2), as a browser writes it: lower case, without the scheme's own port.
pub(in crate::config) struct WebOrigin;

impl KeyKind for WebOrigin {
    type Value = String;

    fn name(&self) -> String {
        "origin".to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, ValueError> {
        let lower = text.to_ascii_lowercase();
        let fault = |what: &str| Err(ValueError::new(format!("{} {what}", Quoted(text))));
        let Some((scheme, host)) = lower.split_once("://") else {
            return fault("is not an origin").map_err(|fault| fault.hint("such as https://gw.example.com"));
        };
        let (bare, path) = host.find(['/', '?', '#']).map_or((host, ""), |end| host.split_at(end));
        if !path.is_empty() && !bare.contains('@') {
            let hint = format!("write `{scheme}://{bare}`");
            return fault("has a path; an origin is scheme, host and port").map_err(|fault| fault.hint(hint));
        }
        let scheme_ok = scheme.starts_with(|first: char| first.is_ascii_lowercase())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
            _ => (host, None),
        };
        let name_ok = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            Some(ip) => ip.parse::<Ipv6Addr>().is_ok(),
            None => !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
        };
        let port_ok =
            port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok());
        if !(scheme_ok && name_ok && port_ok) {
            return fault("is not an origin").map_err(|fault| fault.hint("such as https://gw.example.com:8443"));
        }
        Ok(match (scheme, port) {
            ("https", Some("443")) | ("http", Some("80")) => format!("{scheme}://{name}"),
            _ => lower,
        })
    }

    fn write(&self, value: &String) -> YamlText {
        YamlText::Word(value.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9+.-]*://[^/?#@]+$" })
    }
}

/// An origin over https with a host that names resolve or dial: `https://host[:port]`.
pub(in crate::config) struct HttpsOrigin;

impl KeyKind for HttpsOrigin {
    type Value = String;

    fn name(&self) -> String {
        "https origin".to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, ValueError> {
        let origin = WebOrigin.parse(text)?;
        if origin.starts_with("https://") {
            return Ok(origin);
        }
        Err(ValueError::new(format!("{} is not https, which is what browsers must come by", Quoted(text)))
            .hint("such as https://gw.example.com"))
    }

    fn write(&self, value: &String) -> YamlText {
        WebOrigin.write(value)
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[Hh][Tt][Tt][Pp][Ss]://[^/?#@]+$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_origin_is_https() {
        assert_eq!(HttpsOrigin.parse("https://GW.example.com:443"), Ok("https://gw.example.com".to_owned()));
        for text in ["http://gw.example.com", "chrome-extension://abcdef", "gw.example.com", "https://gw/ui"] {
            assert!(HttpsOrigin.parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        let good = [
            ("https://gw.example.com", "https://gw.example.com"),
            ("HTTPS://GW.Example.com:8443", "https://gw.example.com:8443"),
            ("https://gw.example.com:443", "https://gw.example.com"),
            ("http://gw.local:80", "http://gw.local"),
            ("https://[::1]:8443", "https://[::1]:8443"),
            ("https://[::1]", "https://[::1]"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ];
        for (text, expected) in good {
            assert_eq!(WebOrigin.parse(text), Ok(expected.to_owned()), "{text}");
        }
        let bad = [
            ("", "is not an origin"),
            ("gw.example.com", "is not an origin"),
            ("https://", "is not an origin"),
            ("https://gw/", "has a path"),
            ("https://gw/ui", "has a path"),
            ("https://gw?x", "has a path"),
            ("https://u@gw", "is not an origin"),
            ("null", "is not an origin"),
            ("*", "is not an origin"),
            ("https://gw:", "is not an origin"),
            ("https://gw:99999", "is not an origin"),
            ("https://*.example.com", "is not an origin"),
            ("https://[::1", "is not an origin"),
        ];
        for (text, fault) in bad {
            let message = WebOrigin.parse(text).unwrap_err().message;
            assert!(message.contains(fault), "{text}: {message}");
        }
    }
}
