//! `limits`: what one peer, and all peers together, may use.

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
