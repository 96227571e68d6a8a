//! `websocket`: keepalive and limits.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use super::kinds::{DurationValue, List, NoValue, Number, Optional, Quoted, SizeValue, WebOrigin, WordOf};
use super::names::nearest;
use super::node::{ConfigNode, ConfigValue};
use super::problem::ValueError;
use super::setting::SettingReader;

/// The `websocket` section; `None` means off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocket {
    /// How long a leg may be silent before it gets a ping.
    pub ping_interval: Option<Duration>,
    /// How long a pinged leg may send no byte before it counts as gone.
    pub pong_timeout: Option<Duration>,
    /// The largest frame that a client may send, in bytes of payload.
    pub max_frame: Option<u64>,
    /// The largest message that a client may send, in bytes of payload as they pass (compressed or not).
    pub max_message: Option<u64>,
    /// How many messages a client may begin in a minute.
    pub max_messages_per_minute: Option<u32>,
    /// How many frames without content a client may send in a minute.
    pub max_control_per_minute: Option<u32>,
    /// Whether clients may open WebSockets over HTTP/2 (RFC 8441).
    pub http2: bool,
    /// The web pages that may open a WebSocket, by their origin.
    pub allowed_origins: AllowedOrigins,
}

/// Which `Origin` an upgrade may carry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AllowedOrigins {
    /// Any or none: the gateway decides.
    #[default]
    Any,
    /// One with the host and port of the request itself.
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
            max_control_per_minute: Some(1200),
            http2: true,
            allowed_origins: AllowedOrigins::Any,
        }
    }
}

const TIME: Optional<DurationValue> = Optional(NoValue::Off, DurationValue::ANY);

const SIZE: Optional<SizeValue<u64>> = Optional(NoValue::Off, SizeValue::between(1, 1 << 50));

impl KeySection for WebSocket {
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
            "max_control_per_minute",
            Optional(NoValue::Off, Number::from_one()),
            &mut self.max_control_per_minute,
            "How many frames without content a client may send in a minute: pings, pongs that answer no ping of frontgate's, \
             empty continuations; more close 1008.",
        );
        keys.key(
            "http2",
            WordOf::SWITCH,
            &mut self.http2,
            "Whether clients may open WebSockets over HTTP/2 (RFC 8441), beside their requests; off leaves them to HTTP/1.1.",
        );
        keys.key(
            "allowed_origins",
            Origins,
            &mut self.allowed_origins,
            "The origins whose pages may open a WebSocket: any, same-host, or a list of origins; others get 403.",
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if let (Some(ping), Some(pong)) = (self.ping_interval, self.pong_timeout)
            && pong < ping
        {
            let fault = ValueError::new("pong_timeout is shorter than ping_interval");
            checks.report(&["pong_timeout", "ping_interval"], fault.hint("give a leg at least one interval to answer"));
        }
        if self.allowed_origins == AllowedOrigins::List(Vec::new()) {
            let fault = ValueError::new("an empty list lets no page in");
            checks.report(&["allowed_origins"], fault.hint("any, same-host, or at least one origin"));
        }
    }
}

/// The kind of `allowed_origins`: `any`, `same-host`, or a list of origins.
struct Origins;

impl KeyKind for Origins {
    type Value = AllowedOrigins;

    fn name(&self) -> String {
        "any, same-host or list of origins".to_owned()
    }

    fn parse(&self, text: &str) -> Result<AllowedOrigins, ValueError> {
        match text {
            "any" => Ok(AllowedOrigins::Any),
            "same-host" => Ok(AllowedOrigins::SameHost),
            _ if text.contains("://") => List(WebOrigin).parse(text).map(AllowedOrigins::List),
            _ => {
                let fault = ValueError::new(format!("{} is not {}", Quoted(text), self.name()));
                Err(match nearest(text, ["any", "same-host"].into_iter()) {
                    Some(near) => fault.hint(format!("did you mean `{near}`?")),
                    None => fault.hint("any, same-host, or a list such as [\"https://gw.example.com\"]"),
                })
            }
        }
    }

    fn write(&self, value: &AllowedOrigins) -> YamlText {
        match value {
            AllowedOrigins::Any => YamlText::Word("any".to_owned()),
            AllowedOrigins::SameHost => YamlText::Word("same-host".to_owned()),
            AllowedOrigins::List(origins) => List(WebOrigin).write(origins),
        }
    }

    fn schema(&self) -> Json {
        let mut list = List(WebOrigin).schema();
        list["minItems"] = json!(1);
        json!({ "anyOf": [{ "enum": ["any", "same-host"] }, list] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<AllowedOrigins> {
        match &node.value {
            ConfigValue::Scalar(text) if !text.contains("://") => {
                self.parse(text).map_err(|fault| at.report(&node.place, fault)).ok()
            }
            _ => List(WebOrigin).read(node, at).map(AllowedOrigins::List),
        }
    }
}
