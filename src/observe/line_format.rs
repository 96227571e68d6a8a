//! [`LineFormat`]: text or JSON, and lines that no subscriber writes.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

use super::clean::{LONGEST, word};

/// The format of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineFormat {
    /// For a person at a terminal, as short as may be.
    Terminal,
    Text,
    Json,
}

impl LineFormat {
    /// A line in this format, with the `message` among its fields.
    pub(super) fn line(self, level: &str, mut fields: Map<String, Value>) -> String {
        let mut time = String::new();
        // A string takes everything.
        let _ = SystemTime.format_time(&mut Writer::new(&mut time));
        match self {
            Self::Text | Self::Terminal => {
                let message = fields.remove("message");
                let mut line = format!("{time} {level:>5} {}", message.as_ref().and_then(Value::as_str).unwrap_or(""));
                for (name, value) in &fields {
                    let _ = match value {
                        Value::String(text) => write!(line, " {name}={}", word(text.as_bytes(), LONGEST)),
                        other => write!(line, " {name}={other}"),
                    };
                }
                line + "\n"
            }
            Self::Json => {
                let mut line = Map::new();
                line.insert("timestamp".to_owned(), time.into());
                line.insert("level".to_owned(), level.into());
                line.extend(fields);
                format!("{}\n", Value::Object(line))
            }
        }
    }
}
