//! The configuration: one file per section.

pub mod admin;
pub mod forwarded;
pub mod limits;
pub mod listen;
pub mod log;
pub mod timeouts;
pub mod tls;
pub mod upstream;
pub mod websocket;

use std::path::PathBuf;

pub use admin::Admin;
pub use forwarded::{Forwarded, LocalClients};
pub use limits::{Connections, Limits};
pub use listen::{BindAddr, Listen};
pub use log::{Level, Log, LogFormat};
pub use timeouts::Timeouts;
pub use tls::{Certificate, Name, Tls, TlsVersion};
pub use upstream::Upstream;
pub use websocket::{AllowedOrigins, WebSocket};

/// Everything frontgate runs on: parsed, checked, and complete with defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// Where clients connect.
    pub listen: Listen,
    /// Names and certificate.
    pub tls: Tls,
    /// Where keys and certificates are kept; `None` until a command resolves it from the environment.
    pub state_dir: Option<PathBuf>,
    /// The gateway.
    pub upstream: Upstream,
    /// Whom to believe, and what to tell the gateway about the client.
    pub forwarded: Forwarded,
    /// Keepalive and limits of WebSockets.
    pub websocket: WebSocket,
    /// How long each step may take.
    pub timeouts: Timeouts,
    /// What a peer may use.
    pub limits: Limits,
    /// The admin listener.
    pub admin: Admin,
    /// What is logged, and how.
    pub log: Log,
}
