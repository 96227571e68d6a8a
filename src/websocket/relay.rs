//! [`Relay`]: joins two byte streams, whoever they are. All waiting for WebSockets happens here.
//!
//! Bytes move in [`Flow`]s, one a direction; what they mean is decided in the pure files beside this one. Here is what
//! remains: the ways this can end, and giving each peer the ending it can understand.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};

use super::Side;
use super::buffers::Buffers;
use super::close::{Ended, Then};
use super::direction::{CloseSeen, Counters, Direction, Rules};
use super::flow::{Event, Flow};
use super::frame::{OwnFrame, PingPayload};
use super::keepalive::{Keepalive, Next};
pub use super::leg::Pings;
use super::leg::{Farewell, Leg, State};
use crate::drain::Drain;

/// What a relay goes by for as long as it lives, whatever happens to the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A ping goes to a leg that has been silent this long.
    pub ping_interval: Option<Duration>,
    /// A pinged leg without a byte for this long is gone.
    pub pong_timeout: Option<Duration>,
    /// What a client may send.
    pub rules: Rules,
    /// Nothing passed in either direction for this long: the link is idle.
    pub read: Option<Duration>,
    /// A peer that takes nothing for this long is not reading.
    pub send: Option<Duration>,
    /// Over how much of a drain the links are told to leave.
    pub drain: Duration,
}

/// One stream and the bytes of it that were read with the handshake.
#[derive(Debug)]
pub struct End<S> {
    /// The raw stream.
    pub io: S,
    /// What its HTTP parser had read beyond the handshake; it goes first.
    pub first: Bytes,
}

/// How a WebSocket went.
#[derive(Debug)]
pub struct Summary {
    /// What ended it.
    pub ended: Ended,
    /// How long it lasted.
    pub lasted: Duration,
    /// Neither peer was cut off within a frame.
    pub clean: bool,
    /// What came from the client, and what it was told at the end.
    pub client: SideSummary,
    /// What came from the gateway, and what it was told at the end.
    pub gateway: SideSummary,
}

/// One side of a [`Summary`].
#[derive(Debug)]
pub struct SideSummary {
    /// What was passed on from it.
    pub sent: Counters,
    /// The Close that came from it.
    pub said: Option<CloseSeen>,
    /// The code of the Close that frontgate itself sent it.
    pub told: Option<u16>,
    /// Our pings to it.
    pub pings: Pings,
}

/// Joins a client and a gateway until one of them, or we, end it.
#[derive(Debug)]
pub struct Relay<C, G> {
    client: Leg<C>,
    gateway: Leg<G>,
    /// From the client to the gateway.
    up: Flow,
    /// From the gateway to the client.
    down: Flow,
    settings: Arc<Settings>,
    began: Instant,
    phase: Phase,
    /// When a drain makes this link leave.
    leave_at: Option<Instant>,
    /// A leg that takes nothing more, and until when its last words may come.
    doomed: Option<(Side, Instant)>,
}

#[derive(Debug)]
enum Phase {
    Open,
    /// A Close is on its way, the peer's or ours; it is over at the latest then.
    Ending(Ended, Instant),
}

impl<C, G> Relay<C, G>
where
    C: AsyncRead + AsyncWrite + Unpin,
    G: AsyncRead + AsyncWrite + Unpin,
{
    /// A relay that begins now.
    pub fn new(client: End<C>, gateway: End<G>, settings: Arc<Settings>) -> Self {
        let now = Instant::now();
        let keepalive = || Keepalive::new(settings.ping_interval, settings.pong_timeout, now);
        let up = Direction::new(Side::Client, settings.rules);
        let down = Direction::new(Side::Gateway, Rules::default());
        Self {
            up: Flow::new(up, &client.first, now),
            down: Flow::new(down, &gateway.first, now),
            client: Leg { io: client.io, state: State::new(keepalive()) },
            gateway: Leg { io: gateway.io, state: State::new(keepalive()) },
            settings,
            began: now,
            phase: Phase::Open,
            leave_at: None,
            doomed: None,
        }
    }

    /// Runs to the end and tells how it went.
    pub async fn run(mut self, buffers: &Buffers, drain: &Drain) -> Summary {
        let mut timer = pin!(sleep_until(self.began));
        while !self.is_over() {
            match self.check_timers(Instant::now()) {
                Some(at) => timer.as_mut().reset(at),
                None => timer.as_mut().reset(Instant::now() + A_LONG_TIME),
            }
            tokio::select! {
                biased;
                () = drain.hard() => self.cut(),
                () = drain.soft(), if self.leave_at.is_none() => self.leave_at = Some(self.place_in_queue(drain)),
                event = poll_fn(|cx| self.poll_flows(cx, buffers)) => self.on_event(event),
                () = timer.as_mut() => {}
            }
        }
        self.finish().await
    }

    fn poll_flows(&mut self, cx: &mut Context<'_>, buffers: &Buffers) -> Poll<(Side, Event)> {
        let now = Instant::now();
        if let Poll::Ready(event) = self.up.poll(cx, &mut self.client, &mut self.gateway, buffers, now) {
            return Poll::Ready((Side::Client, event));
        }
        self.down.poll(cx, &mut self.gateway, &mut self.client, buffers, now).map(|event| (Side::Gateway, event))
    }

    /// An event of the flow that comes from `side`.
    fn on_event(&mut self, (side, event): (Side, Event)) {
        match event {
            Event::Closed => self.on_close(side),
            Event::ReadFailed(error) => self.on_lost(side, error.as_ref()),
            // What it said before it went, a Close perhaps, is still there to be read: reading ends the link, or the timer.
            Event::WriteFailed(error) => {
                tracing::debug!(side = ?side.other(), %error, "connection takes nothing more");
                self.doomed = Some((side.other(), Instant::now() + LAST_WORDS));
            }
            Event::Violation(violation) => {
                tracing::debug!(?side, %violation, "frame refused");
                self.end(Ended::by_violation(violation, side));
            }
        }
    }

    /// The Close of `side` has been passed on. The other peer answers, and both connections end.
    fn on_close(&mut self, side: Side) {
        if matches!(self.phase, Phase::Open) {
            self.phase = Phase::Ending(Ended::closed(side), Instant::now() + CLOSE_ANSWER);
        }
    }

    fn on_lost(&mut self, side: Side, error: Option<&std::io::Error>) {
        tracing::debug!(?side, error = error.map(tracing::field::display), "connection ended");
        if matches!(self.phase, Phase::Open) {
            self.end(Ended::lost(side));
        } else if self.flow_from(side).direction.close().is_none() {
            // A peer that asked to close is owed an answer even if the other one went away without giving it.
            self.say_goodbye(&Ended::lost(side), side.other());
        }
    }

    /// Ends the link: each peer that can be told is told, between two frames.
    fn end(&mut self, ended: Ended) {
        if matches!(self.phase, Phase::Open) {
            self.say_goodbye(&ended, Side::Client);
            self.say_goodbye(&ended, Side::Gateway);
            self.phase = Phase::Ending(ended, Instant::now() + LINGER);
        }
    }

    /// Puts our Close to `side` in line, or gives `side` up if it is in a frame whose end will never come.
    fn say_goodbye(&mut self, ended: &Ended, side: Side) {
        let Some(goodbye) = ended.goodbye(side) else { return };
        let sender_gone = self.state(side.other()).ended;
        let flow = self.flow_from(side.other());
        let (between, closed) = (flow.is_between_frames(), flow.direction.close().is_some());
        let mask = match side {
            Side::Client => None,
            Side::Gateway => Some(fresh_mask()),
        };
        let state = self.state_mut(side);
        if state.cut || closed || state.farewell != Farewell::None {
            return;
        }
        if sender_gone && !between {
            state.give_up();
            return;
        }
        state.queue_close(goodbye.code, goodbye.frame(mask));
        if goodbye.then == Then::Cut {
            state.ended = true;
        }
    }

    /// Acts on every deadline that has passed, and says when the next one is.
    fn check_timers(&mut self, now: Instant) -> Option<Instant> {
        let deadlines = match self.phase {
            Phase::Ending(_, deadline) => vec![(Some(deadline), None)],
            Phase::Open => self.deadlines(),
        };
        let due = deadlines.iter().position(|(at, _)| at.is_some_and(|at| at <= now));
        if let Some(due) = due {
            match deadlines.into_iter().nth(due).and_then(|(_, ended)| ended) {
                Some(ended) => self.end(ended),
                None => self.cut(),
            }
            return Some(now);
        }
        let next = deadlines.into_iter().filter_map(|(at, _)| at).min();
        let keepalives = match self.phase {
            Phase::Open => [self.keep_alive(Side::Client, now), self.keep_alive(Side::Gateway, now)],
            Phase::Ending(..) => [None, None],
        };
        next.into_iter().chain(keepalives.into_iter().flatten()).min()
    }

    /// When an open link ends by itself, and as what.
    fn deadlines(&self) -> Vec<(Option<Instant>, Option<Ended>)> {
        let idle_at = deadline(self.up.passed.max(self.down.passed), self.settings.read);
        let stuck_at = |flow: &Flow| deadline(flow.blocked?, self.settings.send);
        vec![
            (self.leave_at, Some(Ended::Draining)),
            (self.doomed.map(|(_, at)| at), self.doomed.map(|(side, _)| Ended::lost(side))),
            (idle_at, Some(Ended::ReadTimeout)),
            (stuck_at(&self.up), Some(Ended::SendTimeout { to: Side::Gateway })),
            (stuck_at(&self.down), Some(Ended::SendTimeout { to: Side::Client })),
        ]
    }

    /// Pings a silent leg, or gives it up.
    fn keep_alive(&mut self, side: Side, now: Instant) -> Option<Instant> {
        match self.state(side).keepalive.poll(now) {
            Next::Never => None,
            Next::WaitUntil(at) => Some(at),
            Next::Expire => {
                self.end(Ended::silent(side));
                Some(now)
            }
            Next::Ping => {
                if !self.state(side).has_own() {
                    let payload: PingPayload = fastrand::u64(..).to_be_bytes();
                    match side {
                        Side::Client => self.up.direction.expect_pong(payload),
                        Side::Gateway => self.down.direction.expect_pong(payload),
                    }
                    let mask = match side {
                        Side::Client => None,
                        Side::Gateway => Some(fresh_mask()),
                    };
                    self.state_mut(side).queue_ping(OwnFrame::ping(&payload, mask));
                }
                // It counts from when it is written, which wakes nobody: look again soon.
                Some(now + PING_CHECK)
            }
        }
    }

    /// When this link leaves during a drain: at random, so that not all clients come back at once, but no later than the
    /// number of links makes necessary.
    fn place_in_queue(&self, drain: &Drain) -> Instant {
        let links = u32::try_from(drain.running()).unwrap_or(u32::MAX);
        let window = PER_LINK.saturating_mul(links).min(self.settings.drain.mul_f64(DRAIN_PART));
        Instant::now() + window.mul_f64(fastrand::f64())
    }

    /// Stops where we are.
    fn cut(&mut self) {
        if matches!(self.phase, Phase::Open) {
            self.phase = Phase::Ending(Ended::Cut, Instant::now());
        }
        self.client.state.give_up();
        self.gateway.state.give_up();
    }

    /// Nobody has anything left to say: each leg is gone, or both Closes have passed on it.
    fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Ending(..)) && self.is_done(Side::Client) && self.is_done(Side::Gateway)
    }

    fn is_done(&self, side: Side) -> bool {
        let (state, from, to) = (self.state(side), self.flow_from(side), self.flow_from(side.other()));
        let told = match state.farewell {
            Farewell::Said(_) => to.is_flushed(),
            Farewell::Waiting(_) => false,
            Farewell::None => to.direction.close().is_some() || state.ended,
        };
        state.cut || (told && (state.ended || from.direction.close().is_some()))
    }

    async fn finish(self) -> Summary {
        let Self { mut client, mut gateway, up, down, .. } = self;
        let lasted = self.began.elapsed();
        let ended = match self.phase {
            Phase::Open => Ended::Cut,
            Phase::Ending(ended, _) => ended,
        };
        if !client.state.cut {
            let _ = timeout(SHUTDOWN, client.io.shutdown()).await;
        }
        if !gateway.state.cut {
            let _ = timeout(SHUTDOWN, gateway.io.shutdown()).await;
        }
        let clean = client.state.is_clean(down.direction.close().is_some())
            && gateway.state.is_clean(up.direction.close().is_some());
        Summary { ended, lasted, clean, client: summary(&client.state, &up), gateway: summary(&gateway.state, &down) }
    }

    fn state(&self, side: Side) -> &State {
        match side {
            Side::Client => &self.client.state,
            Side::Gateway => &self.gateway.state,
        }
    }

    fn state_mut(&mut self, side: Side) -> &mut State {
        match side {
            Side::Client => &mut self.client.state,
            Side::Gateway => &mut self.gateway.state,
        }
    }

    fn flow_from(&self, side: Side) -> &Flow {
        match side {
            Side::Client => &self.up,
            Side::Gateway => &self.down,
        }
    }
}

fn summary(state: &State, from: &Flow) -> SideSummary {
    SideSummary {
        sent: from.direction.counters(),
        said: from.direction.close().cloned(),
        told: match state.farewell {
            Farewell::Said(code) => Some(code),
            Farewell::None | Farewell::Waiting(_) => None,
        },
        pings: state.pings,
    }
}

fn deadline(since: Instant, limit: Option<Duration>) -> Option<Instant> {
    since.checked_add(limit?)
}

/// A frame to the gateway is masked with a key nobody can foresee (RFC 6455 §5.3, §10.3).
fn fresh_mask() -> [u8; 4] {
    let mut mask = [0; 4];
    aws_lc_rs::rand::fill(&mut mask).unwrap_or_default();
    mask
}

/// How long the peer of a Close may take for its answer; the `ws` library gives its own peers 30 s.
const CLOSE_ANSWER: Duration = Duration::from_secs(35);
/// How long after our own Close we wait for the frame that is passing to end, and for the peer to answer.
const LINGER: Duration = Duration::from_secs(5);
/// How long a last flush may take.
const SHUTDOWN: Duration = Duration::from_secs(2);
/// How long a leg that takes nothing may take to say why.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How soon to look again at a ping that waits for its place.
const PING_CHECK: Duration = Duration::from_secs(1);
/// The timer when nothing at all is due.
const A_LONG_TIME: Duration = Duration::from_hours(24);
/// How many milliseconds of a drain each link adds: 50 reconnect in a second.
const PER_LINK: Duration = Duration::from_millis(20);
/// The part of a drain that may pass before the last link is told, so that it has time to answer.
const DRAIN_PART: f64 = 0.6;

#[cfg(test)]
mod tests;
