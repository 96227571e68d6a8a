//! [`Leg`]: the connection to one of the two peers, and what frontgate itself has to say on it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::frame::OwnFrame;
use super::keepalive::Keepalive;

/// The connection to one peer.
#[derive(Debug)]
pub(super) struct Leg<S> {
    pub(super) io: S,
    pub(super) state: State,
}

/// What is known of a leg, whatever it is made of.
#[derive(Debug)]
pub(super) struct State {
    pub(super) keepalive: Keepalive,
    /// The peer will send nothing more: it has ended its side, or the connection failed.
    pub(super) ended: bool,
    /// Nothing more can be written: the connection failed, or we gave it up in the middle of a frame.
    pub(super) cut: bool,
    /// Our own Close.
    pub(super) farewell: Farewell,
    pub(super) pings: Pings,
    own: Option<Own>,
}

/// How far our own Close on a leg is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Farewell {
    /// There is none.
    None,
    /// It waits for the frame that is passing to end.
    Waiting(u16),
    /// It has been written.
    Said(u16),
}

/// Pings of ours on a leg.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pings {
    /// Pings written.
    pub sent: u64,
    /// How many round trips were measured, and how long they took together.
    pub measured: (u32, Duration),
    /// The latest round trip.
    pub last: Option<Duration>,
}

/// A frame of ours that is being written.
#[derive(Debug)]
struct Own {
    frame: OwnFrame,
    written: usize,
    kind: Kind,
    /// What is to be written after a ping that has begun to go out.
    then: Option<OwnFrame>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ping,
    Close,
}

impl State {
    pub(super) fn new(keepalive: Keepalive) -> Self {
        Self { keepalive, ended: false, cut: false, farewell: Farewell::None, pings: Pings::default(), own: None }
    }

    /// Whether a frame of ours waits for its place between two frames.
    pub(super) fn has_own(&self) -> bool {
        self.own.is_some()
    }

    /// Puts a ping in line. One that waits already is enough.
    pub(super) fn queue_ping(&mut self, frame: OwnFrame) {
        self.own.get_or_insert(Own { frame, written: 0, kind: Kind::Ping, then: None });
    }

    /// Puts the last frame in line: before a ping that has not begun to go out, behind one that has.
    pub(super) fn queue_close(&mut self, code: u16, frame: OwnFrame) {
        self.farewell = Farewell::Waiting(code);
        match &mut self.own {
            Some(own) if own.written > 0 => own.then = Some(frame),
            own => *own = Some(Own { frame, written: 0, kind: Kind::Close, then: None }),
        }
    }

    /// No more is written here.
    pub(super) fn give_up(&mut self) {
        self.cut = true;
        self.own = None;
    }

    /// The pong to one of our pings came.
    pub(super) fn ponged(&mut self, now: Instant) {
        if let Some(took) = self.keepalive.ponged(now) {
            self.pings.last = Some(took);
            self.pings.measured.0 = self.pings.measured.0.saturating_add(1);
            self.pings.measured.1 += took;
        }
    }

    /// Whether the peer was left between two frames, or left by itself.
    pub(super) fn is_clean(&self, closed: bool) -> bool {
        match self.farewell {
            Farewell::Said(_) => true,
            Farewell::Waiting(_) => false,
            Farewell::None => closed || self.ended,
        }
    }

    fn own_written(&mut self, now: Instant) {
        let Some(own) = self.own.take() else { return };
        match own.kind {
            Kind::Ping => {
                self.pings.sent += 1;
                self.keepalive.pinged(now);
            }
            Kind::Close => {
                if let Farewell::Waiting(code) = self.farewell {
                    self.farewell = Farewell::Said(code);
                }
            }
        }
        self.own = own.then.map(|frame| Own { frame, written: 0, kind: Kind::Close, then: None });
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
