//! Output for the operator: log lines, metrics, the redaction of secrets, and hints about the gateway's configuration.
//!
//! Text that a peer sent goes through [`redact`] (secrets) and [`clean`](clean::clean) (control characters, length)
//! before it reaches a line. `Authorization`, `Cookie`, `Set-Cookie` and `Sec-WebSocket-Protocol` have no field to be
//! logged in.

pub mod access;
pub mod clean;
pub mod gateway_hint;
mod library_warnings;
mod line_format;
mod log_queue;
pub mod log_rate_limit;
pub mod logging;
pub mod metrics;
pub mod process;
pub mod readiness;
pub mod redact;
pub mod tunnel;

pub use access::{AccessLine, AccessLog, LoggedClient};
pub use gateway_hint::GatewayHint;
pub use library_warnings::for_client;
pub use metrics::Metrics;
pub use readiness::Readiness;
pub use redact::Redactor;
pub use tunnel::{TunnelLegLine, TunnelLine};
