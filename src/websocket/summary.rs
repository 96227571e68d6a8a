//! [`RelaySummary`]: how a WebSocket went, for its log line.

use std::time::Duration;

use super::close::WebSocketEnd;
use super::direction::{CloseSeen, Counters};
use super::flow::DirectionFlow;
use super::leg::{LegState, OwnClose};

pub(crate) use super::ping_stats::PingStats;

/// How a WebSocket went, from its first byte to its end.
#[derive(Debug)]
pub(crate) struct RelaySummary {
    /// The reason of its end.
    pub(crate) ended: WebSocketEnd,
    /// How long it was open.
    pub(crate) lasted: Duration,
    /// Whether each peer was sent a Close, or went by itself.
    pub(crate) clean: bool,
    /// What came from the client, and what it was told at the end.
    pub(crate) client: SideSummary,
    /// What came from the gateway, and what it was told at the end.
    pub(crate) gateway: SideSummary,
}

/// One side of a [`RelaySummary`].
#[derive(Debug)]
pub(crate) struct SideSummary {
    /// The frames, messages and bytes that were passed on from it.
    pub(crate) sent: Counters,
    /// The Close that came from it, if it sent one.
    pub(crate) said: Option<CloseSeen>,
    /// The code of the Close that frontgate itself sent it.
    pub(crate) told: Option<u16>,
    /// Whether the other peer's Close was passed on to it.
    pub(crate) closed: bool,
    /// Our pings to it, and its answers.
    pub(crate) pings: PingStats,
}

impl SideSummary {
    /// What is known of a side at the end: its leg, and the flow that comes from it.
    pub(super) fn new(state: &LegState, from: &DirectionFlow) -> Self {
        Self {
            sent: from.direction.counters(),
            said: from.direction.close().cloned(),
            told: match state.own_close {
                OwnClose::Said(code, _) => Some(code),
                OwnClose::None | OwnClose::AfterAnswers { .. } | OwnClose::Waiting(_) => None,
            },
            closed: state.closed,
            pings: state.pings,
        }
    }
}
