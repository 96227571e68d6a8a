//! `log`: what is logged, and how.

use super::keys::{KeySection, Keys};
use super::kinds::{List, Number, TextValue, WordOf};

/// The `log` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The least severe level of lines that are written.
    pub(crate) level: Level,
    /// Text or JSON.
    pub(crate) format: LogFormat,
    /// Whether one line is written per request and per WebSocket.
    pub(crate) access: bool,
    /// One request in so many that went well has a line.
    pub(crate) sample: u32,
    /// Whether a request that belongs to no trace begins one.
    pub(crate) trace: LogTrace,
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

/// What becomes of a request that belongs to no trace (W3C Trace Context).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LogTrace {
    /// It goes on without.
    #[default]
    Passed,
    /// It begins one, and the gateway is told so.
    Made,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: Level::Info,
            format: LogFormat::Auto,
            access: true,
            sample: 1,
            trace: LogTrace::Passed,
            redact: REDACT.map(str::to_owned).to_vec(),
        }
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

const TRACES: WordOf<LogTrace> = WordOf(&[("passed", LogTrace::Passed), ("made", LogTrace::Made)]);

impl KeySection for Log {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("level", LEVELS, &mut self.level, "The least severe level that is written.");
        keys.key("format", FORMATS, &mut self.format, "auto is text on a terminal and JSON elsewhere.");
        keys.key("access", WordOf::SWITCH, &mut self.access, "One line per request and per WebSocket.");
        keys.key("sample", Number::from_one(), &mut self.sample, "Of the requests that went well (2xx and 3xx, to their end) one in so many has a line, which says so (sample). All others have theirs, and so has every WebSocket.");
        keys.key("trace", TRACES, &mut self.trace, "made gives a request without a traceparent one, for the gateway and the log (trace_id); passed leaves it without. A valid one passes as it came, another is replaced.");
        keys.key("redact", List(TextValue), &mut self.redact, "Parameters whose values never reach a log line, in targets, Referers and redirects; compared decoded and without case.");
    }
}
