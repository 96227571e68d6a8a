//! [`RelaySettings`]: what a relay goes by.

use std::time::Duration;

use super::direction::FrameRules;

/// What a relay goes by for as long as it lives, whatever happens to the configuration.
#[derive(Debug, Clone)]
pub(crate) struct RelaySettings {
    /// A ping goes to a leg that has been silent this long.
    pub(crate) ping_interval: Option<Duration>,
    /// A pinged leg without a byte for this long is gone.
    pub(crate) pong_timeout: Option<Duration>,
    /// What a client may send.
    pub(crate) rules: FrameRules,
    /// A link on which nothing passed in either direction for this long is idle.
    pub(crate) read: Option<Duration>,
    /// A peer that takes nothing for this long is not reading.
    pub(crate) send: Option<Duration>,
    /// How long a drain may take. The links are told to leave over a part of it.
    pub(crate) drain: Duration,
}
