//! `log`: what is logged, and how.

/// The `log` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The least severe level that is written.
    pub level: Level,
    /// Text or JSON.
    pub format: LogFormat,
    /// One line per request and per WebSocket.
    pub access: bool,
    /// Query parameters whose values never reach a log line.
    pub redact: Vec<String>,
}

/// Severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Level {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

/// The shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
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
        Self {
            level: Level::Info,
            format: LogFormat::Auto,
            access: true,
            redact: ["token", "bootstrapToken", "access_token", "code", "password"].map(str::to_owned).to_vec(),
        }
    }
}
