//! [`RelayStats`]: what a relay shows to the outside while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::Wake;
use std::time::Duration;

use super::close_request::{CloseRequest, RequestedClose};
use super::direction::Counters;
use super::summary::PingStats;
use super::tap::{Tap, TapReader, TapRequest};
use crate::io::wake_flag::WakeFlag;

/// What a relay shows to the outside while it runs.
///
/// The relay writes it whenever it has been awake, without a lock; several numbers that are read together may be of two
/// moments.
///
/// A drain, a timer and the operator wake the relay through it.
#[derive(Debug, Default)]
pub(crate) struct RelayStats {
    client: LegStats,
    gateway: LegStats,
    /// How the operator ends it.
    close_request: CloseRequest,
    wake_flag: WakeFlag,
    state: AtomicU8,
    tap_request: TapRequest,
}

/// What a relay is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RelayState {
    /// Bytes pass as they come.
    Open,
    /// The client does not take what there is for it.
    ClientNotReading,
    /// The gateway does not take what there is for it.
    GatewayNotReading,
    /// A Close is on its way.
    Ending,
}

impl RelayState {
    /// The state as lists show it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::ClientNotReading => "client_not_reading",
            Self::GatewayNotReading => "gateway_not_reading",
            Self::Ending => "ending",
        }
    }
}

/// One side of a [`RelayStats`].
#[derive(Debug, Default)]
struct LegStats {
    frames: AtomicU64,
    messages: AtomicU64,
    bytes: AtomicU64,
    /// Milliseconds from the beginning to the last byte that was passed on.
    passed: AtomicU64,
    pings: AtomicU32,
    /// How many round trips were measured, and the microseconds that they took together.
    round_trips: AtomicU32,
    took: AtomicU64,
    /// Microseconds of the last round trip.
    last: AtomicU32,
}

/// One side of a relay, at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LegSnapshot {
    /// The frames, messages and bytes that were passed on from it.
    pub(crate) sent: Counters,
    /// When the last byte from it was passed on, since the beginning.
    pub(crate) passed: Duration,
    /// Our pings to it.
    pub(crate) pings: PingStats,
}

impl RelayStats {
    /// The side of the client: what came from it, and our pings to it.
    pub(crate) fn client(&self) -> LegSnapshot {
        self.client.seen()
    }

    /// The side of the gateway: what came from it, and our pings to it.
    pub(crate) fn gateway(&self) -> LegSnapshot {
        self.gateway.seen()
    }

    /// Tells the relay to end; the client reads `reason`. Only the first call has an effect.
    pub(crate) fn close(&self, reason: Box<str>) {
        self.close_request.ask(RequestedClose::ByOperator(reason));
        self.wake_flag.raise();
    }

    /// Tells the relay to end because the login that opened it has ended.
    pub(crate) fn end_session(&self) {
        self.close_request.ask(RequestedClose::SessionEnded);
        self.wake_flag.raise();
    }

    /// Tells the relay to end because its gateway is taken out.
    pub(crate) fn leave_endpoint(&self) {
        self.close_request.ask(RequestedClose::EndpointDraining);
        self.wake_flag.raise();
    }

    /// Whether the relay was told to end.
    #[cfg(test)]
    pub(crate) fn is_asked_to_end(&self) -> bool {
        self.close_request.asked().is_some()
    }

    /// Whether and why the relay is to end.
    pub(super) fn close_request(&self) -> &CloseRequest {
        &self.close_request
    }

    /// Lets an operator follow the frames from the next one on. A tap that was there before ends.
    pub(crate) fn tap(&self, tap: Tap) -> TapReader {
        let reader = self.tap_request.ask(tap);
        self.wake_flag.raise();
        reader
    }

    /// What an operator wants to follow.
    pub(super) fn tap_request(&self) -> &TapRequest {
        &self.tap_request
    }

    /// The flag that a drain, a timer or the operator raises to wake the relay.
    pub(super) fn wake_flag(&self) -> &WakeFlag {
        &self.wake_flag
    }

    /// What the relay is doing.
    pub(crate) fn state(&self) -> RelayState {
        let states = [RelayState::Open, RelayState::ClientNotReading, RelayState::GatewayNotReading];
        let state = self.state.load(Ordering::Relaxed);
        states.into_iter().find(|known| *known as u8 == state).unwrap_or(RelayState::Ending)
    }

    /// Records what the relay is doing; only the relay calls this.
    pub(super) fn record_state(&self, state: RelayState) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// Records the state of both sides; only the relay calls this.
    pub(crate) fn record(&self, client: LegSnapshot, gateway: LegSnapshot) {
        self.client.set(client);
        self.gateway.set(gateway);
    }
}

impl Wake for RelayStats {
    fn wake(self: Arc<Self>) {
        self.wake_flag.raise();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_flag.raise();
    }
}

impl LegStats {
    fn set(&self, seen: LegSnapshot) {
        let LegSnapshot { sent, passed, pings } = seen;
        let passed = passed.as_secs() * 1000 + u64::from(passed.subsec_millis());
        let long = [&self.frames, &self.messages, &self.bytes, &self.passed, &self.took];
        for (field, value) in long.into_iter().zip([sent.frames, sent.messages, sent.bytes, passed, pings.took]) {
            field.store(value, Ordering::Relaxed);
        }
        let short = [&self.pings, &self.round_trips, &self.last];
        for (field, value) in short.into_iter().zip([pings.sent, pings.round_trips, pings.last]) {
            field.store(value, Ordering::Relaxed);
        }
    }

    fn seen(&self) -> LegSnapshot {
        let long = |field: &AtomicU64| field.load(Ordering::Relaxed);
        let short = |field: &AtomicU32| field.load(Ordering::Relaxed);
        LegSnapshot {
            sent: Counters { frames: long(&self.frames), messages: long(&self.messages), bytes: long(&self.bytes) },
            passed: Duration::from_millis(long(&self.passed)),
            pings: PingStats {
                sent: short(&self.pings),
                round_trips: short(&self.round_trips),
                took: long(&self.took),
                last: short(&self.last),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn a_snapshot_is_what_was_recorded() {
        let relay_stats = RelayStats::default();
        assert_eq!((relay_stats.client(), relay_stats.gateway()), (LegSnapshot::default(), LegSnapshot::default()));
        let seen = |of: u32| LegSnapshot {
            sent: Counters { frames: 3 * u64::from(of), messages: 2, bytes: 1 << 40 },
            passed: Duration::from_hours(of.into()),
            pings: PingStats { sent: 5, round_trips: of, took: 1234, last: of },
        };
        relay_stats.record(seen(1), seen(2));
        assert_eq!((relay_stats.client(), relay_stats.gateway()), (seen(1), seen(2)));
    }

    #[test]
    fn a_wake_or_a_close_wakes_the_watching_task() {
        let (relay_stats, task) = (Arc::new(RelayStats::default()), Arc::new(WakeFlag::default()));
        let waker = Waker::from(Arc::clone(&task));
        assert!(!relay_stats.wake_flag().take());
        for ring in [
            |relay_stats: Arc<RelayStats>| Waker::from(relay_stats).wake(),
            |relay_stats: Arc<RelayStats>| relay_stats.close("maintenance".into()),
        ] {
            relay_stats.wake_flag().watch(&Context::from_waker(&waker));
            ring(Arc::clone(&relay_stats));
            assert!(task.take());
            assert!(relay_stats.wake_flag().take() && !relay_stats.wake_flag().take());
        }
    }
}
