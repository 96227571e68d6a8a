//! [`Leg`]: the connection to one of the two peers, and the frames that frontgate itself sends on it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::frame::OwnFrame;
use super::keepalive::Keepalive;
use super::ping_stats::PingStats;
use crate::io::Readable;

/// The connection to one peer.
#[derive(Debug)]
pub(super) struct Leg<S> {
    pub(super) io: S,
    pub(super) state: LegState,
}

/// The state of a leg, whatever stream it is made of.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what comes in and what goes out end each in its own time")]
pub(super) struct LegState {
    pub(super) keepalive: Keepalive,
    /// The peer will send nothing more: it has ended its side, or the connection failed.
    pub(super) ended: bool,
    /// The peer broke the rules: what else it sends is read, so that our Close reaches it, and dropped.
    pub(super) refused: bool,
    /// Nothing more can be written: the connection failed, or we gave it up in the middle of a frame.
    pub(super) cut: bool,
    /// The Close of the other peer has been written.
    pub(super) closed: bool,
    /// Our own Close.
    pub(super) own_close: OwnClose,
    pub(super) pings: PingStats,
    /// The connection failed; the relay did not cut it.
    failed: bool,
    /// The relay has ended its side of the connection.
    left: bool,
    /// Nothing more is written, in the middle of a frame.
    torn: bool,
    /// Boxed: most of the time there is none.
    own: Option<Box<PendingFrame>>,
}

/// How far our own Close on a leg is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnClose {
    /// No Close of ours is due.
    None,
    /// It follows what the other peer still has to say: that peer's last frames, or as much of them as there is time for,
    /// and until its direction has passed on so many bytes in all.
    AfterAnswers { most: u64 },
    /// It has this code, and waits for the frame that is passing to end.
    Waiting(u16),
    /// It had this code, and was written at this time.
    Said(u16, Instant),
}

/// A frame of frontgate's own that is being written.
#[derive(Debug)]
struct PendingFrame {
    frame: OwnFrame,
    written: usize,
    kind: OwnFrameKind,
    /// The frame to be written after a ping that has begun to go out.
    then: Option<OwnFrame>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OwnFrameKind {
    Ping,
    Close,
}

impl PendingFrame {
    fn new(frame: OwnFrame, kind: OwnFrameKind) -> Self {
        Self { frame, written: 0, kind, then: None }
    }
}

impl LegState {
    pub(super) fn new(keepalive: Keepalive) -> Self {
        Self {
            keepalive,
            ended: false,
            refused: false,
            cut: false,
            closed: false,
            own_close: OwnClose::None,
            pings: PingStats::default(),
            failed: false,
            left: false,
            torn: false,
            own: None,
        }
    }

    /// Whether a frame of ours waits for its place between two frames.
    pub(super) fn has_own(&self) -> bool {
        self.own.is_some()
    }

    /// Whether a ping can be put in line. A frame that waits already is enough.
    pub(super) fn takes_ping(&self) -> bool {
        !self.cut && self.own.is_none()
    }

    /// Puts a ping in line.
    pub(super) fn queue_ping(&mut self, frame: OwnFrame) {
        self.own = Some(PendingFrame::new(frame, OwnFrameKind::Ping).into());
    }

    /// Puts our Close, the last frame, in line: in place of a ping that has not begun to go out, behind one that has.
    pub(super) fn queue_close(&mut self, code: u16, frame: OwnFrame) {
        self.own_close = OwnClose::Waiting(code);
        match &mut self.own {
            Some(own) if own.written > 0 => own.then = Some(frame),
            own => *own = Some(PendingFrame::new(frame, OwnFrameKind::Close).into()),
        }
    }

    /// Withdraws our Close, because the other peer's own Close came first: ours has no place after it (RFC 6455
    /// §5.5.1).
    pub(super) fn withdraw_close(&mut self) {
        match self.own_close {
            OwnClose::None | OwnClose::Said(..) => {}
            OwnClose::AfterAnswers { .. } => self.own_close = OwnClose::None,
            OwnClose::Waiting(_) => {
                self.own_close = OwnClose::None;
                self.own = None;
            }
        }
    }

    /// Stops writing on this leg, by the relay's own decision. `passing` says whether a frame of the other peer has been
    /// written in part.
    pub(super) fn give_up(&mut self, passing: bool) {
        let own = self.own.take().is_some_and(|own| own.written > 0);
        self.torn |= !self.cut && (passing || own);
        self.cut = true;
    }

    /// Whether nothing more is written, and what was written ends with a whole frame.
    pub(super) fn is_cut_between_frames(&self) -> bool {
        self.cut && !self.torn
    }

    /// Stops writing on this leg, because its connection failed.
    pub(super) fn fail(&mut self) {
        self.give_up(true);
        self.failed = true;
    }

    /// Notes that the pong to one of our pings came; returns the time that it took, if that can be told.
    pub(super) fn ponged(&mut self, now: Instant) -> Option<Duration> {
        let took = self.keepalive.ponged(now)?;
        self.pings.ponged(took);
        Some(took)
    }

    /// Whether the peer was sent a Close, the other peer's or ours.
    pub(super) fn is_told(&self) -> bool {
        self.closed || matches!(self.own_close, OwnClose::Said(..))
    }

    /// Whether the peer went by itself, and not while a Close of ours waited for it.
    pub(super) fn is_gone(&self) -> bool {
        self.own_close == OwnClose::None && (self.ended || self.failed)
    }

    fn own_written(&mut self, now: Instant) {
        let Some(own) = self.own.take() else { return };
        match own.kind {
            OwnFrameKind::Ping => {
                self.pings.pinged();
                self.keepalive.pinged(now);
            }
            OwnFrameKind::Close => {
                if let OwnClose::Waiting(code) = self.own_close {
                    self.own_close = OwnClose::Said(code, now);
                }
            }
        }
        self.own = own.then.map(|frame| PendingFrame::new(frame, OwnFrameKind::Close).into());
    }
}

impl<S: AsyncWrite + Unpin> Leg<S> {
    /// Writes the frames of ours that are in line; only to be called between two frames.
    pub(super) fn poll_own(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<std::io::Result<()>> {
        while let Some(own) = &mut self.state.own {
            let bytes = own.frame.as_bytes();
            while own.written < bytes.len() {
                own.written += ready!(poll_write(&mut self.io, cx, &bytes[own.written..]))?;
            }
            self.state.own_written(now);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Readable + AsyncWrite + Unpin> Leg<S> {
    /// Ends our side of the connection, unless the leg was cut; ready when that is done, with or without an error, and what was
    /// written before is out.
    pub(super) fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.state.cut {
            return self.io.poll_written(cx);
        }
        if !self.state.left {
            let _ = ready!(Pin::new(&mut self.io).poll_shutdown(cx));
            self.state.left = true;
        }
        Poll::Ready(())
    }
}

/// Writes some of `bytes`; a stream that takes none has failed.
pub(super) fn poll_write<S: AsyncWrite + Unpin>(
    io: &mut S,
    cx: &mut Context<'_>,
    bytes: &[u8],
) -> Poll<std::io::Result<usize>> {
    Poll::Ready(match ready!(Pin::new(io).poll_write(cx, bytes)) {
        Ok(0) => Err(std::io::ErrorKind::WriteZero.into()),
        written => written,
    })
}
