//! `websocket`: keepalive and limits.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::keys::{Checks, Keys, Kind, Section, Written};
use super::kinds::{List, NoValue, Number, Optional, Quoted, Size, Time};
use super::names::nearest;
use super::node::{Node, Value};
use super::problem::Fault;
use super::read::At;

/// The `websocket` section; `None` means off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocket {
    /// A ping goes to a leg that has been silent this long.
    pub ping_interval: Option<Duration>,
    /// A pinged leg that sends no byte for this long is gone.
    pub pong_timeout: Option<Duration>,
    /// The largest frame a client may send, in bytes of payload.
    pub max_frame: Option<u64>,
    /// The largest message a client may send, in bytes of payload as they pass (compressed or not).
    pub max_message: Option<u64>,
    /// How many messages a client may begin in a minute.
    pub max_messages_per_minute: Option<u32>,
    /// Whose pages may open a WebSocket.
    pub allowed_origins: AllowedOrigins,
}

/// Which `Origin` an upgrade may carry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AllowedOrigins {
    /// Any, or none: the gateway decides.
    #[default]
    Any,
    /// The host and port of the request itself.
    SameHost,
    /// One of these, as `scheme://host[:port]`, lower case.
    List(Vec<String>),
}

impl Default for WebSocket {
    fn default() -> Self {
        Self {
            ping_interval: Some(Duration::from_secs(20)),
            pong_timeout: Some(Duration::from_mins(2)),
            max_frame: None,
            max_message: None,
            max_messages_per_minute: None,
            allowed_origins: AllowedOrigins::Any,
        }
    }
}

const TIME: Optional<Time> = Optional(NoValue::Off, Time::ANY);

const SIZE: Optional<Size<u64>> = Optional(NoValue::Off, Size::between(1, 1 << 50));

impl Section for WebSocket {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "ping_interval",
            TIME,
            &mut self.ping_interval,
            "A ping goes to a leg that has been silent this long.",
        );
        keys.key(
            "pong_timeout",
            TIME,
            &mut self.pong_timeout,
            "A pinged leg that sends no byte for this long is gone.",
        );
        keys.key(
            "max_frame",
            SIZE,
            &mut self.max_frame,
            "The largest frame a client may send; a larger one closes 1009.",
        );
        keys.key(
            "max_message",
            SIZE,
            &mut self.max_message,
            "The largest message a client may send, as it passes (compressed or not); a larger one closes 1009.",
        );
        keys.key(
            "max_messages_per_minute",
            Optional(NoValue::Off, Number::from_one()),
            &mut self.max_messages_per_minute,
            "How many messages a client may begin in a minute; more close 1008.",
        );
        keys.key(
            "allowed_origins",
            Origins,
            &mut self.allowed_origins,
            "Whose pages may open a WebSocket: any, same-host, or a list of origins; others get 403.",
        );
    }

    fn check(&self, checks: &mut Checks<'_>) {
        if let (Some(ping), Some(pong)) = (self.ping_interval, self.pong_timeout)
            && pong < ping
        {
            let fault = Fault::new("pong_timeout is shorter than ping_interval");
            checks.report(&["pong_timeout", "ping_interval"], fault.hint("give a leg at least one interval to answer"));
        }
        if self.allowed_origins == AllowedOrigins::List(Vec::new()) {
            let fault = Fault::new("an empty list lets no page in");
            checks.report(&["allowed_origins"], fault.hint("any, same-host, or at least one origin"));
        }
    }
}

/// `any`, `same-host`, or a list of origins.
struct Origins;

impl Kind for Origins {
    type Value = AllowedOrigins;

    fn name(&self) -> String {
        "any, same-host or list of origins".to_owned()
    }

    fn parse(&self, text: &str) -> Result<AllowedOrigins, Fault> {
        match text {
            "any" => Ok(AllowedOrigins::Any),
            "same-host" => Ok(AllowedOrigins::SameHost),
            _ if text.contains("://") => List(Origin).parse(text).map(AllowedOrigins::List),
            _ => {
                let fault = Fault::new(format!("{} is not {}", Quoted(text), self.name()));
                Err(match nearest(text, ["any", "same-host"].into_iter()) {
                    Some(near) => fault.hint(format!("did you mean `{near}`?")),
                    None => fault.hint("any, same-host, or a list such as [\"https://gw.example.com\"]"),
                })
            }
        }
    }

    fn write(&self, value: &AllowedOrigins) -> Written {
        match value {
            AllowedOrigins::Any => Written::Word("any".to_owned()),
            AllowedOrigins::SameHost => Written::Word("same-host".to_owned()),
            AllowedOrigins::List(origins) => List(Origin).write(origins),
        }
    }

    fn schema(&self) -> Json {
        let mut list = List(Origin).schema();
        list["minItems"] = json!(1);
        json!({ "anyOf": [{ "enum": ["any", "same-host"] }, list] })
    }

    fn read(&self, node: &Node, at: &mut At<'_>) -> Option<AllowedOrigins> {
        match &node.value {
            Value::Scalar(text) if !text.contains("://") => {
                self.parse(text).map_err(|fault| at.report(&node.place, fault)).ok()
            }
            _ => List(Origin).read(node, at).map(AllowedOrigins::List),
        }
    }
}

/// `scheme://host[:port]` (RFC 6454 §6.2), as a browser writes it: lower case, without the scheme's own port.
struct Origin;

impl Kind for Origin {
    type Value = String;

    fn name(&self) -> String {
        "origin".to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, Fault> {
        let lower = text.to_ascii_lowercase();
        let fault = |what: &str| Err(Fault::new(format!("{} {what}", Quoted(text))));
        let Some((scheme, host)) = lower.split_once("://") else {
            return fault("is not an origin").map_err(|fault| fault.hint("such as https://gw.example.com"));
        };
        let (bare, path) = host.find(['/', '?', '#']).map_or((host, ""), |end| host.split_at(end));
        if !path.is_empty() {
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
            Some(ip) => ip.parse::<std::net::Ipv6Addr>().is_ok(),
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

    fn write(&self, value: &String) -> Written {
        Written::Word(value.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9+.-]*://[^/?#@]+$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(Origin.parse(text), Ok(expected.to_owned()), "{text}");
        }
        let bad = [
            "",
            "gw.example.com",
            "https://",
            "https://gw/",
            "https://gw/ui",
            "https://gw?x",
            "https://u@gw",
            "null",
            "*",
            "https://gw:",
            "https://gw:99999",
            "https://*.example.com",
            "https://[::1",
        ];
        for text in bad {
            assert!(Origin.parse(text).is_err(), "{text}");
        }
    }
}
