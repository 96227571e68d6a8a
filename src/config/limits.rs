//! `limits`: what one peer, and all peers together, may use.

use serde_json::{Value as Json, json};

use super::keys::{Keys, Kind, Section, Written};
use super::kinds::{NoValue, Number, Optional, Size};
use super::problem::Fault;

/// The `limits` section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Client connections in all.
    pub connections: Connections,
    /// Client connections from one address; `None` is unlimited.
    pub connections_per_client: Option<usize>,
    /// Request line and header fields together, in bytes.
    pub request_head: usize,
    /// A request's body, in bytes; `None` is unlimited.
    pub request_body: Option<u64>,
}

/// How many client connections there may be at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Connections {
    /// As many as the open-file limit carries: each may need one socket in and one out.
    #[default]
    Auto,
    /// This many, as long as the open-file limit carries them.
    AtMost(usize),
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: Connections::Auto,
            connections_per_client: Some(512),
            request_head: 64 * 1024,
            request_body: None,
        }
    }
}

/// hyper's HTTP/1 buffer cannot be smaller than 8 KiB; beyond 16 MiB a head is not a head.
const HEAD: Size<usize> = Size::between(8 << 10, 16 << 20);

const BODY: Size<u64> = Size::between(1, 1 << 50);

impl Section for Limits {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "connections",
            ConnectionCount,
            &mut self.connections,
            "Client connections in all; auto is as many as the open-file limit carries.",
        );
        keys.key(
            "connections_per_client",
            Optional(NoValue::Off, Number::from_one()),
            &mut self.connections_per_client,
            "Client connections from one address.",
        );
        keys.key("request_head", HEAD, &mut self.request_head, "Request line and header fields together.");
        keys.key("request_body", Optional(NoValue::Off, BODY), &mut self.request_body, "A request's body.");
    }
}

/// A number, or `auto`.
struct ConnectionCount;

impl Kind for ConnectionCount {
    type Value = Connections;

    fn name(&self) -> String {
        "number or auto".to_owned()
    }

    fn parse(&self, text: &str) -> Result<Connections, Fault> {
        if text == "auto" {
            return Ok(Connections::Auto);
        }
        let number = Number::from_one().parse(text);
        number.map(Connections::AtMost).map_err(|fault| fault.hint("a number such as 4096, or auto"))
    }

    fn write(&self, value: &Connections) -> Written {
        match value {
            Connections::Auto => Written::Word("auto".to_owned()),
            Connections::AtMost(number) => Number::from_one().write(number),
        }
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [Number::<usize>::from_one().schema(), { "const": "auto" }] })
    }
}
