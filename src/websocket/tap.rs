//! [`Tap`]: lets an operator follow the frames of one WebSocket while they pass.
//!
//! A relay that is not tapped does nothing for it. One that is copies what passes into a buffer of [`MOST_WAITING`] bytes, and
//! what does not fit is dropped and counted: a relay never waits for the reader of a tap.

mod messages;
mod tapped;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio::sync::mpsc;

use super::Side;
use super::frame::Opcode;
pub(crate) use messages::{NotShown, TapItem, TapMessages, TappedPayload};
pub(super) use tapped::TappedDirection;

/// Where a tap waits for its relay to take it.
#[derive(Debug, Default)]
pub(super) struct TapRequest(Mutex<Option<Box<TapWriter>>>);

/// What an operator asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tap {
    /// What the heads of frames say.
    Heads,
    /// The payloads, too.
    Payloads,
}

/// The head of a frame that has passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TappedHead {
    pub(crate) at: SystemTime,
    pub(crate) from: Side,
    pub(crate) opcode: Opcode,
    pub(crate) fin: bool,
    /// The three reserved bits, the first of which extensions use for compression (RFC 7692 §6).
    pub(crate) rsv: u8,
    /// The length of the payload, in bytes.
    pub(crate) len: u64,
    mask: Option<[u8; 4]>,
}

/// What a relay tells the reader of its tap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TapEvent {
    Head(TappedHead),
    /// More of the payload of the latest frame from this side, as it passed.
    Payload(Side, Box<[u8]>),
    /// The rest of the payload of the latest frame from this side did not fit in the buffer.
    PayloadDropped(Side),
    /// So many frames from this side did not fit in the buffer.
    FramesDropped(Side, u64),
    /// The WebSocket has ended.
    Ended(&'static str),
}

/// The relay's end of a tap.
#[derive(Debug, Clone)]
pub(super) struct TapWriter {
    tap: Tap,
    /// What the events that wait to be read take, in bytes.
    waiting: Arc<AtomicUsize>,
    events: mpsc::UnboundedSender<(usize, TapEvent)>,
}

/// The operator's end of a tap.
#[derive(Debug)]
pub(crate) struct TapReader {
    waiting: Arc<AtomicUsize>,
    events: mpsc::UnboundedReceiver<(usize, TapEvent)>,
}

/// Both ends of a new tap.
fn tap(tap: Tap) -> (TapWriter, TapReader) {
    let (sender, events) = mpsc::unbounded_channel();
    let waiting = Arc::default();
    (TapWriter { tap, waiting: Arc::clone(&waiting), events: sender }, TapReader { waiting, events })
}

impl TapRequest {
    /// Asks for a tap. One that was there before ends.
    pub(super) fn ask(&self, asked: Tap) -> TapReader {
        let (writer, reader) = tap(asked);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(writer));
        reader
    }

    /// The tap that was asked for, once.
    pub(super) fn take(&self) -> Option<TapWriter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().map(|writer| *writer)
    }
}

impl TapWriter {
    /// Hands an event on, if there is room for it.
    fn push(&self, event: TapEvent) -> bool {
        let size = EVENT + if let TapEvent::Payload(_, payload) = &event { payload.len() } else { 0 };
        if self.waiting.load(Ordering::Relaxed) + size > MOST_WAITING {
            return false;
        }
        self.waiting.fetch_add(size, Ordering::Relaxed);
        self.events.send((size, event)).is_ok()
    }

    /// Hands an event on for which room was kept.
    fn push_last(&self, event: TapEvent) {
        // A reader that has gone needs none.
        let _ = self.events.send((0, event));
    }

    /// Whether the reader has gone.
    fn is_unread(&self) -> bool {
        self.events.is_closed()
    }
}

impl TapReader {
    /// The next event; `None` when the relay is gone, or another tap has taken this one's place.
    pub(crate) async fn next(&mut self) -> Option<TapEvent> {
        let (size, event) = self.events.recv().await?;
        self.waiting.fetch_sub(size, Ordering::Relaxed);
        Some(event)
    }
}

/// Bytes that wait to be read. With the two messages that its reader puts together a tap stays below 1 MiB.
const MOST_WAITING: usize = 384 * 1024;
/// Bytes that an event takes beside its payload, with room for one more that says that something was dropped.
const EVENT: usize = 192;
/// Bytes of a message of which the payload is shown.
const LONGEST_MESSAGE: usize = 128 * 1024;
