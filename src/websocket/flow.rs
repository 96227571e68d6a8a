//! [`DirectionFlow`]: moves the bytes of one direction, from one leg to the other.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::Side;
use super::close::WebSocketEnd;
use super::direction::{AcceptUntil, Accepted, Direction, DirectionCounts, FramePrefix};
use super::frame::{MAX_CONTROL, MAX_HEADER, Violation};
use super::leg::{Leg, OwnClose, poll_write};
use super::tap::{TapWriter, TappedDirection};
use crate::io::{BufferPool, Chunk, Readable, TEXT, Turn};

/// The bytes of one direction on their way. A buffer is held only while the other side does not take what is in it.
#[derive(Debug)]
pub(super) struct DirectionFlow {
    pub(super) direction: Direction,
    /// Since when the other side has taken none of the bytes that we have for it.
    pub(super) blocked: Option<Instant>,
    /// When bytes were last passed on.
    pub(super) passed: Instant,
    chunk: Chunk,
    prefix: FramePrefix,
    prefix_written: u8,
    /// How much of the chunk may be written now, and how much of it is done with afterwards.
    pass: usize,
    take: usize,
    unflushed: bool,
    closed: bool,
    /// How often something was read, from a number that differs from relay to relay: one read in [`SAMPLED`] is timed.
    reads: u8,
    /// When what is on its way was read, if it is timed.
    read_at: Option<Instant>,
    /// Where an operator follows the frames, if one does.
    tap: Option<Box<TappedDirection>>,
    /// Whether the direction moves before the other one at the next wake of its relay: it came second at this one.
    pub(super) goes_first: bool,
}

/// An event of a flow that the relay must know of.
#[derive(Debug)]
pub(super) enum FlowEvent {
    /// The peer's Close has been passed on.
    Closed,
    /// Our Close to the other peer is due: what it waited for has been passed on, or as much of it as may be.
    Answered,
    /// The peer's connection is gone; the bytes that came before have been passed on.
    ReadFailed(Option<io::Error>),
    /// The connection to the other peer is gone.
    WriteFailed(io::Error),
    /// The peer sent bytes that must not pass.
    Violation(Violation),
}

impl DirectionFlow {
    /// A flow that begins with the bytes that came with the handshake.
    pub(super) fn new(direction: Direction, first: &[u8], now: Instant) -> Self {
        Self {
            direction,
            blocked: None,
            passed: now,
            chunk: Chunk::of(first),
            prefix: FramePrefix::default(),
            prefix_written: 0,
            pass: 0,
            take: 0,
            unflushed: false,
            closed: false,
            reads: 0,
            read_at: None,
            tap: None,
            goes_first: true,
        }
    }

    /// Whether everything that was accepted is written, and ends with a whole frame.
    pub(super) fn is_between_frames(&self) -> bool {
        self.pass == 0 && usize::from(self.prefix_written) == self.prefix.len() && self.direction.at_boundary()
    }

    /// Whether nothing that was written still waits for the socket.
    pub(super) fn is_flushed(&self) -> bool {
        !self.unflushed
    }

    /// Whether the peer's Close has been dealt with, to its last byte.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Counts what passes in `counts`.
    pub(super) fn count_in(&mut self, counts: &Arc<DirectionCounts>) {
        // Another number for each relay of a thread: short ones are timed, too.
        self.reads = u8::try_from(counts.enter() % u64::from(SAMPLED)).unwrap_or_default();
        self.direction.count_in(counts);
    }

    /// Shows the frames that come from `from` to an operator, from the next one on.
    pub(super) fn tap(&mut self, from: Side, writer: TapWriter) {
        self.tap = Some(Box::new(TappedDirection::new(from, writer, self.direction.left_in_frame())));
    }

    /// Shows what is passed on.
    #[cold]
    fn show(&mut self, accepted: &Accepted) {
        let Some(tap) = &mut self.tap else { return };
        if tap.is_unread() {
            self.tap = None;
            return;
        }
        let at = SystemTime::now();
        tap.pass(accepted.prefix.as_bytes(), at);
        tap.pass(&self.chunk.bytes()[..accepted.pass], at);
    }

    /// Tells an operator who follows what ended the link.
    pub(super) fn end_tap(&self, ended: &WebSocketEnd) {
        if let Some(tap) = &self.tap {
            tap.end(ended.as_str());
        }
    }

    /// Counts the time for which the other side has taken nothing until the end, and the frames that an operator could not be
    /// shown.
    pub(super) fn finish(&mut self) {
        if let Some(tap) = &mut self.tap {
            tap.finish();
        }
        if let Some(since) = self.blocked {
            self.count_blocked(since, Instant::now());
        }
    }

    fn count_blocked(&self, since: Instant, now: Instant) {
        if let Some(counts) = self.direction.counts() {
            counts.blocked(now.saturating_duration_since(since));
        }
    }

    /// Moves the bytes that can be moved, up to a [`Turn`]; frames of ours for `to` go in where they fit. Ready when the
    /// relay must know of an event.
    pub(super) fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Leg<R>,
        to: &mut Leg<W>,
        buffers: &BufferPool,
        now: Instant,
    ) -> Poll<FlowEvent>
    where
        R: Readable + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut turn = Turn::default();
        loop {
            self.discard_unwanted(to);
            let is_last = self.is_last_word(from, to);
            match self.poll_write_out(cx, to, is_last, now) {
                Poll::Ready(Ok(())) => self.unblock(from, now),
                Poll::Ready(Err(error)) => {
                    to.state.fail();
                    return Poll::Ready(FlowEvent::WriteFailed(error));
                }
                Poll::Pending => {
                    self.chunk.settle(buffers);
                    from.io.stand_still(cx);
                    self.block(from, now);
                    return Poll::Pending;
                }
            }
            if !self.chunk.is_empty() && !from.state.refused {
                match self.accept(from, to, now) {
                    Some(event) => return Poll::Ready(event),
                    None => continue,
                }
            }
            // The bytes that are left belong to a peer that is not listened to any more.
            self.chunk.consume(self.chunk.bytes().len());
            if !self.closed && self.direction.close().is_some() {
                self.chunk.settle(buffers);
                self.closed = true;
                to.state.closed = !to.state.cut && !matches!(to.state.own_close, OwnClose::Said(..));
                return Poll::Ready(FlowEvent::Closed);
            }
            if from.state.ended {
                return Poll::Pending;
            }
            if turn.poll_go_on(cx).is_pending() {
                self.chunk.settle(buffers);
                return Poll::Pending;
            }
            match ready!(self.chunk.poll_fill(cx, &mut from.io, buffers, TEXT)) {
                Ok(0) => {
                    from.state.ended = true;
                    return Poll::Ready(FlowEvent::ReadFailed(None));
                }
                Ok(read) => {
                    from.state.keepalive.heard(now);
                    turn.moved(read);
                    self.reads = self.reads.wrapping_add(1);
                    if self.reads.is_multiple_of(SAMPLED) {
                        self.read_at = Some(Instant::now());
                    }
                }
                Err(error) => {
                    from.state.ended = true;
                    return Poll::Ready(FlowEvent::ReadFailed(Some(error)));
                }
            }
        }
    }

    /// Whether what is written next is only the answer to a Close that has passed before. The end of the connection
    /// follows at once, and both go out together. What is longer, or has to wait, is flushed: the end of the connection
    /// does not wait for it as long.
    fn is_last_word<R, W>(&self, from: &Leg<R>, to: &Leg<W>) -> bool {
        let answers = from.state.closed && to.state.own_close == OwnClose::None && self.direction.close().is_some();
        answers && self.pass <= MAX_HEADER + MAX_CONTROL && !self.unflushed && self.blocked.is_none()
    }

    /// Writes what was accepted, then frames of ours if they fit here, and flushes: TLS keeps what the socket did not
    /// take, and nothing else would write that later.
    fn poll_write_out<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut Leg<W>,
        is_last: bool,
        now: Instant,
    ) -> Poll<io::Result<()>> {
        while usize::from(self.prefix_written) < self.prefix.len() {
            let rest = &self.prefix.as_bytes()[usize::from(self.prefix_written)..];
            self.prefix_written += few(ready!(poll_write(&mut to.io, cx, rest))?);
            self.progress(now);
        }
        while self.pass > 0 {
            let written = ready!(poll_write(&mut to.io, cx, &self.chunk.bytes()[..self.pass]))?;
            self.chunk.consume(written);
            self.pass -= written;
            self.take -= written;
            self.progress(now);
        }
        // What is left of `take` is held back or swallowed.
        self.chunk.consume(std::mem::take(&mut self.take));
        if to.state.has_own() && self.direction.at_boundary() && self.direction.close().is_none() && !to.state.cut {
            ready!(to.poll_own(cx, now))?;
            self.unflushed = true;
        }
        if self.unflushed && !is_last && (self.chunk.is_empty() || matches!(to.state.own_close, OwnClose::Said(..))) {
            ready!(Pin::new(&mut to.io).poll_flush(cx))?;
            self.unflushed = false;
        }
        if self.chunk.is_empty()
            && let Some(read_at) = self.read_at.take()
            && let Some(counts) = self.direction.counts()
        {
            counts.relayed(read_at.elapsed());
        }
        Poll::Ready(Ok(()))
    }

    /// Decides how much of the chunk may be written next, and whether the relay must know of it.
    fn accept<R, W>(&mut self, from: &mut Leg<R>, to: &Leg<W>, now: Instant) -> Option<FlowEvent> {
        let stop = match to.state.own_close {
            _ if to.state.has_own() => AcceptUntil::AtBoundary,
            OwnClose::AfterAnswers { .. } => AcceptUntil::BeforeClose,
            _ => AcceptUntil::Never,
        };
        let accepted = match self.direction.accept(self.chunk.bytes(), stop, now) {
            Ok(accepted) => accepted,
            Err(violation) => {
                from.state.refused = true;
                return Some(FlowEvent::Violation(violation));
            }
        };
        if self.tap.is_some() && !to.state.cut && !matches!(to.state.own_close, OwnClose::Said(..)) {
            self.show(&accepted);
        }
        self.prefix = accepted.prefix;
        self.prefix_written = 0;
        self.pass = accepted.pass;
        self.take = accepted.take;
        if accepted.pong.is_some() {
            let took = from.state.ponged(now);
            if let (Some(took), Some(counts)) = (took, self.direction.counts()) {
                counts.ponged(took);
            }
        }
        let OwnClose::AfterAnswers { most } = to.state.own_close else { return None };
        (accepted.before_close || self.direction.counters().bytes >= most).then_some(FlowEvent::Answered)
    }

    /// Drops what was accepted after our own Close, or on a leg that was given up: nothing more passes there. What else
    /// the peer sends is still looked at, for its Close.
    fn discard_unwanted<W>(&mut self, to: &Leg<W>) {
        if to.state.cut || matches!(to.state.own_close, OwnClose::Said(..)) {
            self.prefix_written = few(self.prefix.len());
            self.pass = 0;
            self.unflushed &= !to.state.cut;
        }
    }

    fn progress(&mut self, now: Instant) {
        self.passed = now;
        self.unflushed = true;
        if let Some(since) = self.blocked {
            self.count_blocked(since, now);
            self.blocked = Some(now);
        }
    }

    fn block<R: Readable>(&mut self, from: &mut Leg<R>, now: Instant) {
        if self.blocked.is_none() {
            from.io.settle();
            self.blocked = Some(now);
            // The relay does not add what the peer does.
            self.read_at = None;
            from.state.keepalive.blocked();
        }
    }

    fn unblock<R>(&mut self, from: &mut Leg<R>, now: Instant) {
        if let Some(since) = self.blocked.take() {
            self.count_blocked(since, now);
            from.state.keepalive.unblocked(now);
        }
    }
}

/// So many bytes of a prefix, which has 14 at most.
fn few(bytes: usize) -> u8 {
    u8::try_from(bytes).unwrap_or(u8::MAX)
}

/// One read in so many is timed; a power of two, so that the count may wrap.
const SAMPLED: u8 = 64;
