//! [`Keepalive`]: when a silent leg gets a ping, and when it is gone.

use std::time::Duration;

use tokio::time::Instant;

/// The silence of one leg.
///
/// A leg that has sent nothing for `interval` gets a ping, and another one every `interval` while the silence lasts. If no
/// byte, of whatever kind, follows the first of these pings for `timeout`, the leg is gone.
#[derive(Debug)]
pub struct Keepalive {
    interval: Option<Duration>,
    timeout: Option<Duration>,
    heard: Instant,
    /// The first ping since then.
    unanswered: Option<Instant>,
    /// The last ping, whatever came after it.
    pinged: Option<Instant>,
    round_trip: RoundTrip,
    blocked: bool,
}

/// What is to be done about a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Send it a ping, and say so with [`Keepalive::pinged`].
    Ping,
    /// Give it up.
    Expire,
    /// Ask again then.
    WaitUntil(Instant),
    /// Nothing, until something happens to it.
    Never,
}

/// Which ping the next pong measures.
#[derive(Debug)]
enum RoundTrip {
    /// There is none.
    Idle,
    /// The one that was sent then.
    Since(Instant),
    /// It cannot be told: there are several, or the pong may have waited in front of us.
    Unclear,
}

impl Keepalive {
    /// A leg that has just been heard. Without an `interval` there are no pings, and without pings no timeout.
    pub fn new(interval: Option<Duration>, timeout: Option<Duration>, now: Instant) -> Self {
        Self {
            interval,
            timeout,
            heard: now,
            unanswered: None,
            pinged: None,
            round_trip: RoundTrip::Idle,
            blocked: false,
        }
    }

    /// What is to be done.
    pub fn poll(&self, now: Instant) -> Next {
        if self.blocked {
            return Next::Never;
        }
        let quiet_since = self.pinged.map_or(self.heard, |pinged| pinged.max(self.heard));
        let ping_at = self.interval.and_then(|interval| quiet_since.checked_add(interval));
        let expire_at = self.unanswered.zip(self.timeout).and_then(|(ping, timeout)| ping.checked_add(timeout));
        if expire_at.is_some_and(|at| at <= now) {
            return Next::Expire;
        }
        if ping_at.is_some_and(|at| at <= now) {
            return Next::Ping;
        }
        ping_at.into_iter().chain(expire_at).min().map_or(Next::Never, Next::WaitUntil)
    }

    /// Bytes came from the leg.
    pub fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.unanswered = None;
    }

    /// A ping was written to the leg.
    pub fn pinged(&mut self, now: Instant) {
        self.pinged = Some(now);
        self.unanswered.get_or_insert(now);
        self.round_trip = match self.round_trip {
            RoundTrip::Idle => RoundTrip::Since(now),
            RoundTrip::Since(_) | RoundTrip::Unclear => RoundTrip::Unclear,
        };
    }

    /// The pong to one of our pings came. Returns how long it took, if that can be told.
    pub fn ponged(&mut self, now: Instant) -> Option<Duration> {
        match std::mem::replace(&mut self.round_trip, RoundTrip::Idle) {
            RoundTrip::Since(ping) => Some(now.saturating_duration_since(ping)),
            RoundTrip::Idle | RoundTrip::Unclear => None,
        }
    }

    /// We stop reading from the leg, because the other side does not take what we have. Its silence is our own doing.
    pub fn blocked(&mut self) {
        self.blocked = true;
    }

    /// We read from the leg again; its silence begins here.
    pub fn unblocked(&mut self, now: Instant) {
        self.blocked = false;
        self.heard(now);
        if matches!(self.round_trip, RoundTrip::Since(_)) {
            self.round_trip = RoundTrip::Unclear;
        }
    }
}
