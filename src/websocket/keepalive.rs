//! [`Keepalive`]: when a silent leg gets a ping, and when it is gone.

use std::time::Duration;

use tokio::time::Instant;

/// The silence of one leg, and what is due because of it.
///
/// A leg that has sent nothing for an interval gets a ping, and another one every interval while the silence lasts. If no
/// byte, of whatever kind, follows the first of these pings for the timeout, the leg is gone. Both are the same for many
/// legs, and given to [`poll`](Self::poll).
#[derive(Debug)]
pub(crate) struct Keepalive {
    heard: Instant,
    /// The first ping since the leg was last heard.
    unanswered: Option<Instant>,
    /// The last ping, whatever came after it.
    pinged: Option<Instant>,
    round_trip: RoundTrip,
    blocked: bool,
}

/// How much silence is borne. Without an interval there are no pings, and without pings no timeout.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SilenceLimits {
    /// A ping goes to a leg that has been silent this long.
    pub(crate) ping_interval: Option<Duration>,
    /// A pinged leg without a byte for this long is gone.
    pub(crate) pong_timeout: Option<Duration>,
}

/// What the relay must do about a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeepaliveStep {
    /// Send it a ping, and say so with [`Keepalive::pinged`].
    Ping,
    /// Give the leg up.
    Expire,
    /// Poll again at this time.
    WaitUntil(Instant),
    /// Nothing, until something happens to the leg.
    Never,
}

/// Which ping the next pong measures.
#[derive(Debug)]
enum RoundTrip {
    /// No ping is to be measured.
    Idle,
    /// The ping that was sent at this time.
    Since(Instant),
    /// It cannot be told which: several pings are out, or the pong may have waited to be read.
    Unclear,
}

impl Keepalive {
    /// The silence of a leg that has just been heard.
    pub(crate) fn new(now: Instant) -> Self {
        Self { heard: now, unanswered: None, pinged: None, round_trip: RoundTrip::Idle, blocked: false }
    }

    /// What is due at `now`.
    pub(crate) fn poll(&self, limits: SilenceLimits, now: Instant) -> KeepaliveStep {
        if self.blocked {
            return KeepaliveStep::Never;
        }
        let quiet_since = self.pinged.map_or(self.heard, |pinged| pinged.max(self.heard));
        let ping_at = limits.ping_interval.and_then(|interval| quiet_since.checked_add(interval));
        let expire_at = self.unanswered.zip(limits.pong_timeout).and_then(|(ping, timeout)| ping.checked_add(timeout));
        if expire_at.is_some_and(|at| at <= now) {
            return KeepaliveStep::Expire;
        }
        if ping_at.is_some_and(|at| at <= now) {
            return KeepaliveStep::Ping;
        }
        ping_at.into_iter().chain(expire_at).min().map_or(KeepaliveStep::Never, KeepaliveStep::WaitUntil)
    }

    /// Notes that bytes came from the leg.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.unanswered = None;
    }

    /// Notes that a ping was written to the leg.
    pub(crate) fn pinged(&mut self, now: Instant) {
        self.pinged = Some(now);
        self.unanswered.get_or_insert(now);
        self.round_trip = match self.round_trip {
            RoundTrip::Idle => RoundTrip::Since(now),
            RoundTrip::Since(_) | RoundTrip::Unclear => RoundTrip::Unclear,
        };
    }

    /// Notes that the pong to one of our pings came. Returns how long it took, if that can be told.
    pub(crate) fn ponged(&mut self, now: Instant) -> Option<Duration> {
        match std::mem::replace(&mut self.round_trip, RoundTrip::Idle) {
            RoundTrip::Since(ping) => Some(now.saturating_duration_since(ping)),
            RoundTrip::Idle | RoundTrip::Unclear => None,
        }
    }

    /// Notes that the relay stops reading from the leg, because the other side does not take the bytes. The silence
    /// that follows is not the leg's own.
    pub(crate) fn blocked(&mut self) {
        self.blocked = true;
    }

    /// Notes that the relay reads from the leg again; the leg's silence begins here.
    pub(crate) fn unblocked(&mut self, now: Instant) {
        self.blocked = false;
        self.heard(now);
        if matches!(self.round_trip, RoundTrip::Since(_)) {
            self.round_trip = RoundTrip::Unclear;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens to a leg, and when, in seconds.
    #[derive(Debug, Clone, Copy)]
    enum Event {
        Heard,
        Pinged,
        Ponged(Option<u64>),
        Blocked,
        Unblocked,
        Poll(Expected),
    }

    #[derive(Debug, Clone, Copy)]
    enum Expected {
        Ping,
        Expire,
        Until(u64),
        Never,
    }

    fn play(interval: Option<u64>, timeout: Option<u64>, events: &[(u64, Event)]) {
        let seconds = Duration::from_secs;
        let start = Instant::now();
        let mut keepalive = Keepalive::new(start);
        let limits = SilenceLimits { ping_interval: interval.map(seconds), pong_timeout: timeout.map(seconds) };
        for (row, &(at, event)) in events.iter().enumerate() {
            let now = start + seconds(at);
            match event {
                Event::Heard => keepalive.heard(now),
                Event::Pinged => keepalive.pinged(now),
                Event::Ponged(expected) => assert_eq!(keepalive.ponged(now), expected.map(seconds), "row {row}"),
                Event::Blocked => keepalive.blocked(),
                Event::Unblocked => keepalive.unblocked(now),
                Event::Poll(expected) => {
                    let expected = match expected {
                        Expected::Ping => KeepaliveStep::Ping,
                        Expected::Expire => KeepaliveStep::Expire,
                        Expected::Until(at) => KeepaliveStep::WaitUntil(start + seconds(at)),
                        Expected::Never => KeepaliveStep::Never,
                    };
                    assert_eq!(keepalive.poll(limits, now), expected, "row {row}, at {at} s");
                }
            }
        }
    }

    use Event::{Blocked, Heard, Pinged, Poll, Ponged, Unblocked};
    use Expected::{Expire, Never, Ping, Until};

    #[test]
    fn a_silent_leg_is_pinged_every_interval_until_it_expires() {
        play(
            Some(20),
            Some(50),
            &[
                (0, Poll(Until(20))),
                (19, Poll(Until(20))),
                (20, Poll(Ping)),
                (21, Poll(Ping)),
                (21, Pinged),
                (21, Poll(Until(41))),
                (41, Poll(Ping)),
                (41, Pinged),
                (61, Poll(Ping)),
                (61, Pinged),
                // The first ping counts, and its time comes before that of the next ping.
                (61, Poll(Until(71))),
                (70, Poll(Until(71))),
                (71, Poll(Expire)),
                (99, Poll(Expire)),
            ],
        );
    }

    #[test]
    fn any_byte_ends_the_silence() {
        play(
            Some(20),
            Some(50),
            &[
                (15, Heard),
                (20, Poll(Until(35))),
                (35, Pinged),
                (40, Heard),
                (40, Poll(Until(60))),
                (60, Pinged),
                (80, Pinged),
                (100, Pinged),
                (109, Heard),
                (111, Poll(Until(129))),
                (129, Poll(Ping)),
                (129, Pinged),
                (149, Poll(Ping)),
                (179, Poll(Expire)),
            ],
        );
    }

    #[test]
    fn a_timeout_shorter_than_the_interval_comes_first() {
        play(Some(20), Some(5), &[(20, Pinged), (20, Poll(Until(25))), (24, Poll(Until(25))), (25, Poll(Expire))]);
    }

    #[test]
    fn what_is_off_never_happens() {
        play(None, None, &[(0, Poll(Never)), (86_400, Poll(Never))]);
        play(None, Some(50), &[(0, Poll(Never)), (86_400, Poll(Never))]);
        play(Some(20), None, &[(20, Pinged), (20, Poll(Until(40))), (86_400, Poll(Ping))]);
        play(Some(u64::MAX), Some(u64::MAX), &[(0, Poll(Never)), (1, Pinged), (1, Poll(Never))]);
    }

    #[test]
    fn a_leg_we_do_not_read_from_is_not_silent() {
        play(
            Some(20),
            Some(50),
            &[
                (20, Pinged),
                (30, Blocked),
                (70, Poll(Never)),
                (500, Unblocked),
                (500, Poll(Until(520))),
                (520, Poll(Ping)),
                (520, Pinged),
                (570, Poll(Expire)),
            ],
        );
    }

    #[test]
    fn a_round_trip_is_told_when_it_is_clear() {
        play(Some(20), None, &[(20, Pinged), (23, Heard), (23, Ponged(Some(3))), (24, Ponged(None))]);
        // Two pings are out: which of them the pong answers is not known here.
        play(Some(20), None, &[(20, Pinged), (40, Pinged), (41, Ponged(None)), (60, Pinged), (62, Ponged(Some(2)))]);
        // The pong may have waited for the relay to read it.
        play(Some(20), None, &[(20, Pinged), (21, Blocked), (90, Unblocked), (90, Ponged(None))]);
        play(Some(20), None, &[(21, Blocked), (90, Unblocked), (110, Pinged), (111, Ponged(Some(1)))]);
    }
}
