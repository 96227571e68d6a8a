//! [`OwnPings`]: the pings of ours that are not answered yet.

use crate::websocket::frame::{PingPayload, unmasked};

/// How many pings of ours are remembered. A leg that leaves more than these unanswered is about to be given up; a late
/// pong to an older one passes on, which does no harm: a peer ignores a pong that it did not ask for (RFC 6455 §5.5.3).
const REMEMBERED: usize = 4;

/// The payloads of our latest pings, oldest first.
#[derive(Debug, Default)]
pub(super) struct OwnPings {
    expected: Vec<PingPayload>,
}

impl OwnPings {
    /// A ping with this payload has been sent.
    pub(super) fn expect(&mut self, payload: PingPayload) {
        if self.expected.len() == REMEMBERED {
            self.expected.remove(0);
        }
        self.expected.push(payload);
    }

    /// Whether a pong with this payload answers a ping of ours, and if so its payload without the mask. Older pings
    /// count as answered with it: a peer may answer the latest only (RFC 6455 §5.5.3).
    pub(super) fn answered(&mut self, payload: PingPayload, mask: Option<[u8; 4]>) -> Option<PingPayload> {
        let payload = unmasked(&payload, mask);
        let at = self.expected.iter().position(|expected| expected[..] == payload[..])?;
        self.expected.drain(..=at).next_back()
    }

    /// Whether every ping has been answered.
    pub(super) fn is_empty(&self) -> bool {
        self.expected.is_empty()
    }
}
