//! `limits`: how much one peer, and all peers together, may use.

use serde_json::{Value as Json, json};

use super::keys::{KeyKind, KeySection, Keys, YamlText};
use super::kinds::{NoValue, Number, Optional, SizeValue};
use super::problem::ValueError;

/// The `limits` section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most client connections at once.
    pub connections: CountValue,
    /// The most client connections at once from one network; `None` is unlimited.
    pub connections_per_client: Option<usize>,
    /// The most requests under way at once.
    pub requests: CountValue,
    /// The most requests under way at once from one client's network; `None` is unlimited.
    pub requests_per_client: Option<CountValue>,
    /// The most WebSockets at once of one client's network; `None` is unlimited.
    pub websockets_per_client: Option<usize>,
    /// The most WebSockets that one client's network may open in a minute, at least 1; `None` is unlimited.
    pub new_per_minute_per_client: Option<u32>,
    /// Request line and header fields together, in bytes.
    pub request_head: usize,
    /// A request's body, in bytes; `None` is unlimited.
    pub request_body: Option<u64>,
}

/// A limit on a count of connections or requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CountValue {
    /// As many as the open-file limit and the memory carry.
    #[default]
    Auto,
    /// This many, as long as the open-file limit carries them.
    AtMost(usize),
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: CountValue::Auto,
            connections_per_client: Some(512),
            requests: CountValue::Auto,
            requests_per_client: Some(CountValue::Auto),
            websockets_per_client: None,
            new_per_minute_per_client: None,
            request_head: 64 * 1024,
            request_body: None,
        }
    }
}

/// Bytes. hyper's HTTP/1 buffer cannot be smaller than 8 KiB; beyond 16 MiB a head is a mistake.
const HEAD: SizeValue<usize> = SizeValue::between(8 << 10, 16 << 20);

const BODY: SizeValue<u64> = SizeValue::between(1, 1 << 50);

impl KeySection for Limits {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "connections",
            NumberOrAuto,
            &mut self.connections,
            "Client connections in all; auto is as many as the open-file limit and the memory carry.",
        );
        keys.key(
            "connections_per_client",
            Optional(NoValue::Off, Number::from_one()),
            &mut self.connections_per_client,
            "Client connections from one network: an IPv4 address or an IPv6 /64.",
        );
        keys.key(
            "requests",
            NumberOrAuto,
            &mut self.requests,
            "Requests under way in all, event streams included; auto is as many as the open-file limit and the memory carry. \
             More get 429. An open WebSocket is none.",
        );
        keys.key(
            "requests_per_client",
            Optional(NoValue::Off, NumberOrAuto),
            &mut self.requests_per_client,
            "The same of one client's network, also behind a trusted proxy; auto is an eighth of all, and at least 256.",
        );
        keys.key(
            "websockets_per_client",
            Optional(NoValue::Off, Number::from_one()),
            &mut self.websockets_per_client,
            "WebSockets of one client's network, also behind a trusted proxy. More get 429.",
        );
        keys.key(
            "new_per_minute_per_client",
            Optional(NoValue::Off, Number::from_one()),
            &mut self.new_per_minute_per_client,
            "WebSockets that one client's network may open in a minute. All of them may come at once; what is used up comes \
             back evenly. More get 429.",
        );
        keys.key("request_head", HEAD, &mut self.request_head, "Request line and header fields together.");
        keys.key("request_body", Optional(NoValue::Off, BODY), &mut self.request_body, "A request's body.");
    }
}

/// The kind of a limit: a number, or `auto`.
struct NumberOrAuto;

impl KeyKind for NumberOrAuto {
    type Value = CountValue;

    fn name(&self) -> String {
        "number or auto".to_owned()
    }

    fn parse(&self, text: &str) -> Result<CountValue, ValueError> {
        if text == "auto" {
            return Ok(CountValue::Auto);
        }
        let number = Number::from_one().parse(text);
        number.map(CountValue::AtMost).map_err(|fault| fault.hint("a number such as 4096, or auto"))
    }

    fn write(&self, value: &CountValue) -> YamlText {
        match value {
            CountValue::Auto => YamlText::Word("auto".to_owned()),
            CountValue::AtMost(number) => Number::from_one().write(number),
        }
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [Number::<usize>::from_one().schema(), { "const": "auto" }] })
    }
}
