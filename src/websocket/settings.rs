//! [`RelaySettings`]: what a relay goes by.

use std::time::Duration;

use super::direction::FrameRules;
use super::keepalive::SilenceLimits;

/// What a relay goes by for as long as it lives, whatever happens to the configuration.
#[derive(Debug, Clone)]
pub(crate) struct RelaySettings {
    /// How much silence of a leg is borne.
    pub(crate) silence: SilenceLimits,
    /// What a client may send.
    pub(crate) rules: FrameRules,
    /// A link on which nothing passed in either direction for this long is idle.
    pub(crate) read: Option<Duration>,
    /// A peer that takes nothing for this long is not reading.
    pub(crate) send: Option<Duration>,
    /// How long a drain may take. The links are told to leave over a part of it.
    pub(crate) drain: Duration,
}
