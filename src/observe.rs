//! Output for the operator: log lines, metrics, the redaction of secrets, and hints about the gateway's configuration.
//!
//! Text that a peer sent goes through [`redact`] (secrets) and [`clean`](clean::clean) (control characters, length)
//! before it reaches a line. `Authorization`, `Cookie`, `Set-Cookie` and `Sec-WebSocket-Protocol` have no field to be
//! logged in.

pub(crate) mod access;
pub(crate) mod clean;
mod event_fields;
pub(crate) mod gateway_hint;
mod library_warnings;
mod line_format;
#[cfg(test)]
mod log_fields;
mod log_queue;
pub(crate) mod log_rate_limit;
pub(crate) mod logging;
pub(crate) mod metrics;
#[cfg(feature = "otlp")]
pub(crate) mod otlp;
#[cfg(not(feature = "otlp"))]
#[path = "observe/no_otlp.rs"]
pub(crate) mod otlp;
pub(crate) mod paint;
pub(crate) mod percent_encoding;
pub(crate) mod readiness;
pub(crate) mod recent_ends;
pub(crate) mod redact;
mod terminal_line;
mod terminal_lines;
pub(crate) mod tunnel;

pub(crate) use access::AccessLog;
pub(crate) use gateway_hint::GatewayHint;
pub(crate) use library_warnings::for_client;
pub(crate) use metrics::Metrics;
pub(crate) use paint::{Colour, Paint};
pub(crate) use readiness::Readiness;
