//! [`Pulse`]: what can be seen of a relay from outside while it runs, and how it is told to end.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use super::direction::Counters;
use super::summary::Pings;

/// What can be seen of a relay from outside while it runs, and how it is told to end.
///
/// The relay writes it whenever it has been awake, without a lock; several numbers that are read together may be of two
/// moments.
///
/// It is a bell as well, for all that seldom happens: a drain, a timer, the operator. They wake the relay through it, so that
/// the relay need not ask each of them whenever bytes have come.
#[derive(Debug, Default)]
pub struct Pulse {
    client: Beat,
    gateway: Beat,
    /// What the operator wants the client to read.
    reason: OnceLock<Box<str>>,
    rung: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

/// One side of a [`Pulse`].
#[derive(Debug, Default)]
struct Beat {
    frames: AtomicU64,
    messages: AtomicU64,
    bytes: AtomicU64,
    /// Milliseconds from the beginning to the last byte that was passed on.
    passed: AtomicU64,
    pings: AtomicU64,
    /// Round trips, and microseconds that they took together.
    round_trips: AtomicU64,
    took: AtomicU64,
    /// Microseconds of the last one.
    last: AtomicU64,
}

/// One side of a relay, at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// What was passed on from it.
    pub sent: Counters,
    /// When the last byte from it was passed on, since the beginning.
    pub passed: Duration,
    /// Our pings to it.
    pub pings: Pings,
}

impl Pulse {
    /// What came from the client, and our pings to it.
    pub fn client(&self) -> Seen {
        self.client.seen()
    }

    /// The same for the gateway.
    pub fn gateway(&self) -> Seen {
        self.gateway.seen()
    }

    /// Tells the relay to end; the client reads `reason`. The first to ask is heard.
    pub fn close(&self, reason: Box<str>) {
        // Somebody else was faster.
        let _ = self.reason.set(reason);
        self.ring();
    }

    /// What the operator wants the client to read, if the relay is to end.
    pub(super) fn asked(&self) -> Option<&str> {
        self.reason.get().map(|reason| &**reason)
    }

    /// Who runs the relay, so that the bell is heard at once.
    pub(super) fn watch(&self, cx: &Context<'_>) {
        let mut waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
    }

    /// Whether the bell was rung since it was asked last. Whoever has called [`Pulse::watch`] before misses nothing.
    pub(super) fn was_rung(&self) -> bool {
        self.rung.load(Ordering::Relaxed) && self.rung.swap(false, Ordering::Acquire)
    }

    fn ring(&self) {
        self.rung.store(true, Ordering::Release);
        if let Some(waker) = &*self.waker.lock().unwrap_or_else(PoisonError::into_inner) {
            waker.wake_by_ref();
        }
    }

    /// Shows what there is to see; only the relay does.
    pub(crate) fn beat(&self, client: Seen, gateway: Seen) {
        self.client.set(client);
        self.gateway.set(gateway);
    }
}

impl Wake for Pulse {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

impl Beat {
    fn set(&self, seen: Seen) {
        let Seen { sent, passed, pings } = seen;
        let micros = |time: Duration| time.as_secs() * 1_000_000 + u64::from(time.subsec_micros());
        for (field, value) in [
            (&self.frames, sent.frames),
            (&self.messages, sent.messages),
            (&self.bytes, sent.bytes),
            (&self.passed, passed.as_secs() * 1000 + u64::from(passed.subsec_millis())),
            (&self.pings, pings.sent),
            (&self.round_trips, pings.measured.0.into()),
            (&self.took, micros(pings.measured.1)),
            (&self.last, pings.last.map_or(0, micros)),
        ] {
            field.store(value, Ordering::Relaxed);
        }
    }

    fn seen(&self) -> Seen {
        let of = |field: &AtomicU64| field.load(Ordering::Relaxed);
        let round_trips = u32::try_from(of(&self.round_trips)).unwrap_or(u32::MAX);
        Seen {
            sent: Counters { frames: of(&self.frames), messages: of(&self.messages), bytes: of(&self.bytes) },
            passed: Duration::from_millis(of(&self.passed)),
            pings: Pings {
                sent: of(&self.pings),
                measured: (round_trips, Duration::from_micros(of(&self.took))),
                last: (round_trips > 0).then(|| Duration::from_micros(of(&self.last))),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_is_what_was_shown() {
        let pulse = Pulse::default();
        assert_eq!((pulse.client(), pulse.gateway()), (Seen::default(), Seen::default()));
        let seen = |of: u32| Seen {
            sent: Counters { frames: 3 * u64::from(of), messages: 2, bytes: 1 << 40 },
            passed: Duration::from_hours(of.into()),
            pings: Pings {
                sent: 5,
                measured: (of, Duration::from_micros(1234)),
                last: Some(Duration::from_micros(u64::from(of))),
            },
        };
        pulse.beat(seen(1), seen(2));
        assert_eq!((pulse.client(), pulse.gateway()), (seen(1), seen(2)));
    }

    #[test]
    fn the_first_who_asks_is_heard() {
        let pulse = Pulse::default();
        assert_eq!(pulse.asked(), None);
        pulse.close("maintenance".into());
        pulse.close("something else".into());
        assert_eq!(pulse.asked(), Some("maintenance"));
    }

    #[test]
    fn a_ring_wakes_whoever_watches_and_is_heard_once() {
        let (pulse, task) = (Arc::new(Pulse::default()), Arc::new(Pulse::default()));
        pulse.watch(&Context::from_waker(&Waker::from(Arc::clone(&task))));
        assert!(!pulse.was_rung());
        for _ in 0..2 {
            Waker::from(Arc::clone(&pulse)).wake();
            assert!(task.was_rung(), "each time");
            assert!(pulse.was_rung() && !pulse.was_rung());
        }
        pulse.close("maintenance".into());
        assert!(task.was_rung() && pulse.was_rung());
    }
}
