//! The deadlines of a [`Relay`]: what is done when one has passed, and when to look again.

use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::endings::mask_to;
use super::{BOTH, Relay, RelayPhase};
use crate::drain::Drain;
use crate::io::Readable;
use crate::websocket::Side;
use crate::websocket::close::WebSocketEnd;
use crate::websocket::flow::DirectionFlow;
use crate::websocket::frame::{OwnFrame, PingPayload};
use crate::websocket::keepalive::{KeepaliveStep, SilenceLimits};
use crate::websocket::leg::OwnClose;

impl<C, G> Relay<C, G>
where
    C: Readable + AsyncWrite + Unpin,
    G: Readable + AsyncWrite + Unpin,
{
    /// Acts on the deadlines that have passed, and says when to look again. What happens until then may put a deadline
    /// off but never brings one forward, unless it is an event: so the relay need not be woken for bytes that flow.
    pub(super) fn check_timers(&mut self, now: Instant) -> Option<Instant> {
        if let Some((side, _)) = self.doomed.take_if(|(_, at)| *at <= now) {
            self.on_gone(WebSocketEnd::lost(side), side);
        }
        let next = match self.phase {
            RelayPhase::Open => self.check_open(now),
            RelayPhase::Ending { since, .. } => Some(self.check_ending(now, since)),
        };
        next.into_iter().chain(self.doomed.map(|(_, at)| at)).min()
    }

    fn check_open(&mut self, now: Instant) -> Option<Instant> {
        let idle_at = deadline(self.up.passed.max(self.down.passed), self.settings.read);
        // A flow that is not blocked may be in a moment.
        let stuck_at = |flow: &DirectionFlow| deadline(flow.blocked.unwrap_or(now), self.settings.send);
        let mut next = None;
        for (at, ended) in [
            (self.leave_at, WebSocketEnd::Draining),
            (idle_at, WebSocketEnd::ReadTimeout),
            (stuck_at(&self.up), WebSocketEnd::SendTimeout { to: Side::Gateway }),
            (stuck_at(&self.down), WebSocketEnd::SendTimeout { to: Side::Client }),
        ] {
            if at.is_some_and(|at| at <= now) {
                self.end(ended);
                return Some(now);
            }
            next = earlier(next, at);
        }
        // While the gateway takes nothing, the client's bytes are not read, and so its end behind them is not either.
        if let Some(blocked) = self.up.blocked {
            if blocked + LEFT_BEHIND <= now && self.client.io.has_ended() {
                self.end(WebSocketEnd::ClientLost);
                return Some(now);
            }
            next = earlier(next, Some((blocked + LEFT_BEHIND).max(now + LOOK_EVERY)));
        }
        for side in BOTH {
            if self.state(side).keepalive.poll(self.settings.silence, now) == KeepaliveStep::Expire {
                self.end(WebSocketEnd::silent(side));
                return Some(now);
            }
            next = earlier(next, self.keep_alive(side, now));
        }
        next
    }

    /// Whether the client's bytes have begun to wait for the gateway, and the next look, at `at`, is too far off to
    /// notice in time that the client is gone.
    pub(super) fn must_watch_client(&self, at: Instant) -> bool {
        matches!(self.phase, RelayPhase::Open) && self.up.blocked.is_some() && Instant::now() + LEFT_BEHIND < at
    }

    /// Pings a silent leg; says when to look at it again.
    fn keep_alive(&mut self, side: Side, now: Instant) -> Option<Instant> {
        // The earliest time at which a ping can be due, or its answer overdue, once it is written or a blocked leg is
        // read again.
        let SilenceLimits { ping_interval, pong_timeout } = self.settings.silence;
        let soon = ping_interval.min(pong_timeout.or(ping_interval));
        match self.state(side).keepalive.poll(self.settings.silence, now) {
            KeepaliveStep::WaitUntil(at) => Some(at),
            KeepaliveStep::Never | KeepaliveStep::Expire => deadline(now, soon),
            KeepaliveStep::Ping => {
                if self.state(side).takes_ping() {
                    let payload: PingPayload = fastrand::u64(..).to_be_bytes();
                    match side {
                        Side::Client => self.up.direction.expect_pong(payload),
                        Side::Gateway => self.down.direction.expect_pong(payload),
                    }
                    self.state_mut(side).queue_ping(OwnFrame::ping(&payload, mask_to(side)));
                }
                deadline(now, soon)
            }
        }
    }

    /// Cuts a link that takes too long to end, and sends a Close that has waited for answers long enough; says when to
    /// look again.
    fn check_ending(&mut self, now: Instant, since: Instant) -> Instant {
        let answers_until = since + ANSWER_TIME;
        for side in BOTH {
            if self.awaits_answers(side) && answers_until <= now {
                self.send_due_close(side);
            }
        }
        if BOTH.into_iter().any(|side| self.awaits_answers(side)) {
            return answers_until;
        }
        let moved = BOTH.into_iter().filter_map(|side| match self.state(side).own_close {
            OwnClose::None | OwnClose::AfterAnswers { .. } => None,
            OwnClose::Waiting(_) => Some(self.flow_from(side.other()).passed.max(since)),
            OwnClose::Said(_, at) => Some(at),
        });
        let at_most = since + CLOSE_ANSWER;
        let at = moved.max().map_or(at_most, |moved| at_most.min(moved + LINGER));
        if at > now {
            return at;
        }
        self.cut();
        now
    }

    /// When this link leaves during a drain: at random, so that not all clients come back at once, but no later than
    /// the number of links makes necessary.
    pub(super) fn place_in_queue(&self, drain: &Drain) -> Instant {
        let links = u32::try_from(drain.running()).unwrap_or(u32::MAX);
        let window = PER_LINK.saturating_mul(links).min(self.settings.drain.mul_f64(DRAIN_PART));
        Instant::now() + window.mul_f64(fastrand::f64())
    }
}

fn deadline(since: Instant, limit: Option<Duration>) -> Option<Instant> {
    since.checked_add(limit?)
}

fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    a.into_iter().chain(b).min()
}

/// How long the gateway may take nothing of what a client left behind that is gone.
const LEFT_BEHIND: Duration = Duration::from_secs(5);
/// How often the relay looks whether such a client is gone.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long an ending may take in all: the `ws` library gives the peer of a Close 30 s for its answer.
const CLOSE_ANSWER: Duration = Duration::from_secs(35);
/// How long after its own Close the relay waits for the peer to answer, and before it, for the frame that is passing to
/// move on.
const LINGER: Duration = Duration::from_secs(5);
/// How long the other peer has to answer what was passed on to it, before the one that broke a rule gets its Close.
const ANSWER_TIME: Duration = Duration::from_secs(2);
/// How many milliseconds of a drain each link adds: 50 reconnect in a second.
const PER_LINK: Duration = Duration::from_millis(20);
/// The part of a drain that may pass before the last link is told, so that it has time to answer.
const DRAIN_PART: f64 = 0.5;
