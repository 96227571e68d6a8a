//! [`PingStats`]: our pings to a leg, and how long their answers took.

use std::time::Duration;

/// Our pings to a leg, and how long their answers took. Small, since every open WebSocket has two: times are in microseconds,
/// and a round trip of more than an hour is an hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PingStats {
    pub(super) sent: u32,
    /// How many round trips were measured, and how long they took together.
    pub(super) round_trips: u32,
    pub(super) took: u64,
    /// The last of them.
    pub(super) last: u32,
}

impl PingStats {
    /// Counts a ping that was written.
    pub(super) fn pinged(&mut self) {
        self.sent = self.sent.saturating_add(1);
    }

    /// Counts a round trip that took so long.
    pub(super) fn ponged(&mut self, took: Duration) {
        self.last = micros(took);
        self.round_trips = self.round_trips.saturating_add(1);
        self.took += u64::from(self.last);
    }

    /// How many were written.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.into()
    }

    /// How many round trips were measured, and how long they took together.
    pub(crate) fn measured(&self) -> (u32, Duration) {
        (self.round_trips, Duration::from_micros(self.took))
    }

    /// How long the last measured round trip took.
    pub(crate) fn last(&self) -> Option<Duration> {
        (self.round_trips > 0).then(|| Duration::from_micros(self.last.into()))
    }
}

fn micros(time: Duration) -> u32 {
    time.as_micros().try_into().unwrap_or(u32::MAX)
}
