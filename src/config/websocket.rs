//! `websocket`: keepalive and limits.

use std::time::Duration;

/// The `websocket` section; `None` means off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocket {
    /// A ping goes to a leg that has been silent this long.
    pub ping_interval: Option<Duration>,
    /// A pinged leg that sends no byte for this long is gone.
    pub pong_timeout: Option<Duration>,
    /// The largest frame a client may send, in bytes of payload.
    pub max_frame: Option<u64>,
    /// The largest message a client may send, in bytes of payload as they pass (compressed or not).
    pub max_message: Option<u64>,
    /// How many messages a client may begin in a minute.
    pub max_messages_per_minute: Option<u32>,
    /// Whose pages may open a WebSocket.
    pub allowed_origins: AllowedOrigins,
}

/// Which `Origin` an upgrade may carry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AllowedOrigins {
    /// Any, or none: the gateway decides.
    #[default]
    Any,
    /// The host and port of the request itself.
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
            allowed_origins: AllowedOrigins::Any,
        }
    }
}
