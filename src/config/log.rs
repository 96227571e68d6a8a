//! `log`: what is logged, and how.

use super::keys::{KeySection, Keys};
use super::kinds::{List, TextValue, WordOf};

/// The `log` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The least severe level of lines that are written.
    pub(crate) level: Level,
    /// Text or JSON.
    pub(crate) format: LogFormat,
    /// Whether one line is written per request and per WebSocket.
    pub(crate) access: bool,
    /// Parameters of URLs with values that never reach a log line.
    pub(crate) redact: Vec<String>,
}

/// Severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Level {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

/// The shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: Level::Info, format: LogFormat::Auto, access: true, redact: REDACT.map(str::to_owned).to_vec() }
    }
}

/// Parameters that carry credentials of the gateway or of a login service: its tokens and tickets, those of OAuth 2 and
/// `OpenID` Connect, and signatures in URLs.
const REDACT: [&str; 12] = [
    "token",
    "bootstrapToken",
    "access_token",
    "refresh_token",
    "id_token",
    "ticket",
    "mediaTicket",
    "code",
    "state",
    "sig",
    "api_key",
    "password",
];

const LEVELS: WordOf<Level> =
    WordOf(&[("error", Level::Error), ("warn", Level::Warn), ("info", Level::Info), ("debug", Level::Debug)]);

const FORMATS: WordOf<LogFormat> =
    WordOf(&[("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)]);

impl KeySection for Log {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("level", LEVELS, &mut self.level, "The least severe level that is written.");
        keys.key("format", FORMATS, &mut self.format, "auto is text on a terminal and JSON elsewhere.");
        keys.key("access", WordOf::SWITCH, &mut self.access, "One line per request and per WebSocket.");
        keys.key("redact", List(TextValue), &mut self.redact, "Parameters whose values never reach a log line, in targets, Referers and redirects; compared decoded and without case.");
    }
}
