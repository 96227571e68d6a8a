//! [`Relay`]: joins two byte streams of any kind. All waiting for WebSockets happens here.
//!
//! Bytes move in flows, one a direction; what they mean is decided in the pure files beside this one. What remains here
//! is the ways in which a relay can end, and giving each peer the ending that it can understand.

mod deadlines;
mod endings;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tokio::task::unconstrained;
use tokio::time::{Instant, sleep_until, timeout};

use super::Side;
use super::close::{AfterClose, WebSocketEnd};
use super::close_request::RequestedClose;
use super::direction::{Direction, FrameRules};
use super::flow::{DirectionFlow, FlowEvent};
use super::keepalive::Keepalive;
use super::leg::{Leg, LegState, OwnClose};
use super::relay_stats::{LegSnapshot, RelayState, RelayStats};
use super::settings::RelaySettings;
use super::summary::{RelaySummary, SideSummary};
use crate::drain::Drain;
use crate::io::{BufferPool, Readable};
use crate::observe::metrics::RelayCounts;
use crate::observe::tunnel::TunnelOpening;

/// One stream, and the bytes of it that were read together with the handshake.
#[derive(Debug)]
pub(crate) struct RelayEnd<S> {
    /// The raw stream.
    pub(crate) io: S,
    /// The bytes that its HTTP parser had read beyond the handshake; they go first.
    pub(crate) first: Bytes,
}

/// Joins a client and a gateway until one of them, or frontgate, ends it.
#[derive(Debug)]
pub(crate) struct Relay<C, G> {
    client: Leg<C>,
    gateway: Leg<G>,
    /// From the client to the gateway.
    up: DirectionFlow,
    /// From the gateway to the client.
    down: DirectionFlow,
    settings: Arc<RelaySettings>,
    began: Instant,
    phase: RelayPhase,
    /// When a drain makes this link end.
    leave_at: Option<Instant>,
    /// A leg that takes nothing more, and until when bytes that it sent before may still end the link.
    doomed: Option<(Side, Instant)>,
    stats: Arc<RelayStats>,
    /// The request that opened the link, for lines about it.
    opening: Option<Arc<TunnelOpening>>,
}

#[derive(Debug)]
enum RelayPhase {
    Open,
    /// A Close is on its way, the peer's or ours.
    Ending {
        why: WebSocketEnd,
        since: Instant,
    },
}

/// What a relay turns to, once each direction has had its turn.
enum RelayTurn {
    /// The drain's hard signal: to stop.
    Stop,
    /// The drain's soft signal: to finish.
    Leave,
    /// The operator ends the link, or its login has ended.
    Close(RequestedClose),
    /// An event of the flow that comes from this side.
    Event(Side, FlowEvent),
    /// It is time to look at the deadlines, or at whether the relay is over.
    Look,
}

impl<C, G> Relay<C, G>
where
    C: Readable + AsyncWrite + Unpin,
    G: Readable + AsyncWrite + Unpin,
{
    /// A relay that begins now.
    pub(crate) fn new(client: RelayEnd<C>, gateway: RelayEnd<G>, settings: Arc<RelaySettings>) -> Self {
        let now = Instant::now();
        let up = Direction::new(Side::Client, settings.rules);
        let down = Direction::new(Side::Gateway, FrameRules::default());
        Self {
            up: DirectionFlow::new(up, &client.first, now),
            down: DirectionFlow::new(down, &gateway.first, now),
            client: Leg { io: client.io, state: LegState::new(Keepalive::new(now)) },
            gateway: Leg { io: gateway.io, state: LegState::new(Keepalive::new(now)) },
            settings,
            began: now,
            phase: RelayPhase::Open,
            leave_at: None,
            doomed: None,
            stats: Arc::default(),
            opening: None,
        }
    }

    /// Names the link in log lines.
    pub(crate) fn name(&mut self, opening: Arc<TunnelOpening>) {
        self.opening = Some(opening);
    }

    /// Counts what passes in `counts`, those of the thread that the relay stays on.
    pub(crate) fn count_in(&mut self, counts: &RelayCounts) {
        self.up.count_in(&counts.up);
        self.down.count_in(&counts.down);
    }

    /// What the relay shows to the outside while it runs.
    pub(crate) fn relay_stats(&self) -> Arc<RelayStats> {
        Arc::clone(&self.stats)
    }

    /// Runs to the end and returns a summary. By reference, because a future would hold several copies of a relay that
    /// is moved into it.
    pub(crate) async fn run(&mut self, buffers: &BufferPool, drain: &Drain) -> RelaySummary {
        // Until neither peer has a frame to send or to get. In a block, and not in a function, whose future would take more room.
        {
            // The soft signal comes no later than the hard one, and only then the hard one is waited for: the task holds one
            // of the two futures.
            let (mut signal, mut timer) = (pin!(drain.soft()), pin!(sleep_until(self.began)));
            while !self.is_over() {
                let now = Instant::now();
                timer.as_mut().reset(self.check_timers(now).unwrap_or(now + A_LONG_TIME));
                let mut first = true;
                let turn = poll_fn(|cx| {
                    self.stats.wake_flag().watch(cx);
                    if !std::mem::take(&mut first) && !self.stats.wake_flag().take() {
                        return match self.poll_flows(cx, buffers) {
                            Poll::Pending if self.must_watch_client(timer.deadline()) => Poll::Ready(RelayTurn::Look),
                            polled => polled,
                        };
                    }
                    let wake_flag = Waker::from(self.relay_stats());
                    let mut wake_flag = Context::from_waker(&wake_flag);
                    if signal.as_mut().poll(&mut wake_flag).is_ready() {
                        let asked = self.leave_at.is_none() && !drain.is_hard();
                        return Poll::Ready(if asked { RelayTurn::Leave } else { RelayTurn::Stop });
                    }
                    if let (RelayPhase::Open, Some(why)) = (&self.phase, self.stats.close_request().asked()) {
                        return Poll::Ready(RelayTurn::Close(why.clone()));
                    }
                    if let Some(writer) = self.stats.tap_request().take() {
                        self.up.tap(Side::Client, writer.clone());
                        self.down.tap(Side::Gateway, writer);
                    }
                    // Before the timer, so that bytes that waited to be read while the relay did not run count as heard.
                    if let Poll::Ready(turn) = self.poll_flows(cx, buffers) {
                        return Poll::Ready(turn);
                    }
                    // Unconstrained: the timer must be heard even when a busy link has used up the task's budget.
                    pin!(unconstrained(timer.as_mut())).poll(&mut wake_flag).map(|()| RelayTurn::Look)
                });
                match turn.await {
                    RelayTurn::Stop => self.cut(),
                    RelayTurn::Leave => {
                        self.leave_at = Some(self.place_in_queue(drain));
                        signal.set(drain.hard());
                    }
                    RelayTurn::Close(RequestedClose::ByOperator(reason)) => {
                        self.end(WebSocketEnd::ClosedByOperator { reason });
                    }
                    RelayTurn::Close(RequestedClose::SessionEnded) => self.end(WebSocketEnd::SessionEnded),
                    RelayTurn::Close(RequestedClose::EndpointDraining) => self.end(WebSocketEnd::EndpointDraining),
                    RelayTurn::Event(side, event) => self.on_event(side, event),
                    RelayTurn::Look => {}
                }
            }
        }
        self.finish().await
    }

    fn seen(&self, side: Side) -> LegSnapshot {
        let from = self.flow_from(side);
        let passed = from.passed.saturating_duration_since(self.began);
        LegSnapshot { sent: from.direction.counters(), passed, pings: self.state(side).pings }
    }

    /// Gives each direction its turn to move bytes, and records how many have moved. Ready at an event, or when the
    /// relay is over.
    fn poll_flows(&mut self, cx: &mut Context<'_>, buffers: &BufferPool) -> Poll<RelayTurn> {
        let polled = self.poll_both(cx, buffers);
        self.stats.record(self.seen(Side::Client), self.seen(Side::Gateway));
        self.stats.record_state(match (&self.phase, self.up.blocked, self.down.blocked) {
            (RelayPhase::Ending { .. }, _, _) => RelayState::Ending,
            (RelayPhase::Open, _, Some(_)) => RelayState::ClientNotReading,
            (RelayPhase::Open, Some(_), None) => RelayState::GatewayNotReading,
            (RelayPhase::Open, None, None) => RelayState::Open,
        });
        polled
    }

    fn poll_both(&mut self, cx: &mut Context<'_>, buffers: &BufferPool) -> Poll<RelayTurn> {
        let now = Instant::now();
        let first = if self.up.goes_first { Side::Client } else { Side::Gateway };
        self.up.goes_first = !self.up.goes_first;
        for from in [first, first.other()] {
            let polled = match from {
                Side::Client => self.up.poll(cx, &mut self.client, &mut self.gateway, buffers, now),
                Side::Gateway => self.down.poll(cx, &mut self.gateway, &mut self.client, buffers, now),
            };
            if let Poll::Ready(event) = polled {
                return Poll::Ready(RelayTurn::Event(from, event));
            }
        }
        if matches!(self.phase, RelayPhase::Open) {
            return Poll::Pending;
        }
        if self.is_over() {
            return Poll::Ready(RelayTurn::Look);
        }
        // A peer that has its last frame need not wait for the other one.
        if self.may_leave(Side::Client) {
            let _ = self.client.poll_leave(cx);
        }
        if self.may_leave(Side::Gateway) {
            let _ = self.gateway.poll_leave(cx);
        }
        Poll::Pending
    }

    /// Handles an event of the flow that comes from `side`.
    fn on_event(&mut self, side: Side, event: FlowEvent) {
        let id = self.opening.as_ref().map(|opening| &*opening.id);
        match event {
            FlowEvent::Closed => self.on_close(side),
            FlowEvent::Answered => self.send_due_close(side.other()),
            FlowEvent::ReadFailed(error) => {
                tracing::debug!(id, ?side, error = error.map(tracing::field::display), "connection ended");
                self.on_gone(WebSocketEnd::lost(side), side);
            }
            // Bytes that it sent before it went, a Close perhaps, can still be read: reading them ends the link, or the
            // timer does.
            FlowEvent::WriteFailed(error) => {
                tracing::debug!(id, side = ?side.other(), %error, "connection takes nothing more");
                self.doomed.get_or_insert((side.other(), Instant::now() + LAST_WORDS));
            }
            FlowEvent::Violation(violation) => {
                tracing::debug!(id, ?side, %violation, "frame refused");
                self.on_gone(WebSocketEnd::by_violation(violation, side), side);
            }
        }
    }

    /// Whether neither peer has a frame to send or to get: each leg is gone, or both Closes have passed on it.
    fn is_over(&self) -> bool {
        matches!(self.phase, RelayPhase::Ending { .. }) && BOTH.into_iter().all(|side| self.is_done(side))
    }

    fn is_done(&self, side: Side) -> bool {
        let state = self.state(side);
        let left = state.ended && state.own_close == OwnClose::None;
        state.cut || left || (self.is_told(side) && self.is_heard(side))
    }

    /// Whether `side` has been sent its last frame.
    fn is_told(&self, side: Side) -> bool {
        let state = self.state(side);
        match state.own_close {
            OwnClose::Said(..) => self.flow_from(side.other()).is_flushed(),
            OwnClose::AfterAnswers { .. } | OwnClose::Waiting(_) => false,
            OwnClose::None => state.closed,
        }
    }

    /// Whether the last frame that `side` sends has come.
    fn is_heard(&self, side: Side) -> bool {
        self.state(side).ended || self.flow_from(side).is_closed()
    }

    /// Whether the connection to `side` can end. A peer that broke the rules is not waited for: its answer could not be
    /// understood.
    fn may_leave(&self, side: Side) -> bool {
        let state = self.state(side);
        !state.cut && self.is_told(side) && (self.is_heard(side) || state.refused)
    }

    /// Ends the connections that were not cut.
    async fn finish(&mut self) -> RelaySummary {
        let lasted = self.began.elapsed();
        self.up.finish();
        self.down.finish();
        if self.client.state.is_cut_between_frames() {
            self.client.io.end_between_frames();
        }
        if self.gateway.state.is_cut_between_frames() {
            self.gateway.io.end_between_frames();
        }
        let leave = poll_fn(|cx| {
            let (client, gateway) = (self.client.poll_leave(cx), self.gateway.poll_leave(cx));
            if client.is_ready() && gateway.is_ready() { Poll::Ready(()) } else { Poll::Pending }
        });
        let _ = timeout(SHUTDOWN, leave).await;
        let ended = match &self.phase {
            RelayPhase::Open => WebSocketEnd::Cut,
            RelayPhase::Ending { why, .. } => why.clone(),
        };
        self.up.end_tap(&ended);
        RelaySummary {
            clean: BOTH.into_iter().all(|side| self.was_clean(side, &ended)),
            ended,
            lasted,
            client: SideSummary::new(&self.client.state, &self.up),
            gateway: SideSummary::new(&self.gateway.state, &self.down),
        }
    }

    /// Whether `side` was sent a Close, or went by itself. A leg that was given up as silent was not ended cleanly.
    fn was_clean(&self, side: Side, ended: &WebSocketEnd) -> bool {
        let given_up = ended.close_frame(side).is_some_and(|close_frame| close_frame.then == AfterClose::Cut);
        let state = self.state(side);
        state.is_told() || (!given_up && state.is_gone())
    }

    fn state(&self, side: Side) -> &LegState {
        match side {
            Side::Client => &self.client.state,
            Side::Gateway => &self.gateway.state,
        }
    }

    fn state_mut(&mut self, side: Side) -> &mut LegState {
        match side {
            Side::Client => &mut self.client.state,
            Side::Gateway => &mut self.gateway.state,
        }
    }

    fn flow_from(&self, side: Side) -> &DirectionFlow {
        match side {
            Side::Client => &self.up,
            Side::Gateway => &self.down,
        }
    }
}

const BOTH: [Side; 2] = [Side::Client, Side::Gateway];

/// How long the last flush of both connections may take.
const SHUTDOWN: Duration = Duration::from_secs(2);
/// How long a leg that takes nothing is still read, for a Close that it may have sent.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The timer's delay when no deadline is set.
const A_LONG_TIME: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests;
