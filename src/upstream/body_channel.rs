//! The way of a request's body from the connection that reads it to the one that sends it on: [`channel`].

use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Why a body breaks off.
pub(crate) type ChannelError = Box<dyn Error + Send + Sync>;

/// Makes a channel for a body that is `length` bytes long, if that is known. It holds at most one piece, so that a
/// connection reads no faster than the body is sent on.
pub(crate) fn channel(length: Option<u64>) -> (BodySender, BodyReceiver) {
    let slot = ChannelSlot { frame: None, left: length, state: ChannelState::Open, waits: None, gone: false };
    let slot = Arc::new(Mutex::new(slot));
    (BodySender(Arc::clone(&slot)), BodyReceiver(slot))
}

/// The end of the client's connection. If it is dropped before the body's end, the body breaks off.
#[derive(Debug)]
pub(crate) struct BodySender(Arc<Mutex<ChannelSlot>>);

/// The end of the gateway's connection: the body of a request.
#[derive(Debug)]
pub struct BodyReceiver(Arc<Mutex<ChannelSlot>>);

#[derive(Debug)]
struct ChannelSlot {
    frame: Option<Frame<Bytes>>,
    /// Bytes that the receiver has not taken yet, if their number is known.
    left: Option<u64>,
    state: ChannelState,
    /// The waker of a receiver that waits for a piece.
    waits: Option<Waker>,
    /// Whether the receiver was dropped.
    gone: bool,
}

#[derive(Debug)]
enum ChannelState {
    Open,
    /// The piece in the slot is the last.
    Over,
    Failed(Option<ChannelError>),
}

/// What the receiver is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyDemand {
    /// It waits for a piece.
    Waits,
    /// It has a piece that it has not taken, or does something else.
    Busy,
    /// It was dropped: no further piece is wanted.
    Gone,
}

/// The client's connection ended before the body did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client's connection ended before the body of its request did")]
pub(crate) struct CutShort;

impl BodySender {
    /// What the receiver is doing.
    pub(crate) fn demand(&self) -> BodyDemand {
        let slot = lock(&self.0);
        match &slot.waits {
            _ if slot.gone => BodyDemand::Gone,
            Some(_) => BodyDemand::Waits,
            None => BodyDemand::Busy,
        }
    }

    /// Hands over a piece, which may be the last. A caller that runs in the receiver's own task polls the receiver
    /// afterwards.
    pub(crate) fn send(&self, frame: Frame<Bytes>, is_last: bool, cx: &Context<'_>) {
        let mut slot = lock(&self.0);
        slot.frame = Some(frame);
        if is_last {
            slot.state = ChannelState::Over;
        }
        wake(slot, cx);
    }

    /// Ends the body.
    pub(crate) fn finish(&self, cx: &Context<'_>) {
        let mut slot = lock(&self.0);
        slot.state = ChannelState::Over;
        wake(slot, cx);
    }

    /// Breaks the body off with `error`.
    pub(crate) fn fail(&self, error: impl Into<ChannelError>, cx: &Context<'_>) {
        let mut slot = lock(&self.0);
        slot.state = ChannelState::Failed(Some(error.into()));
        wake(slot, cx);
    }
}

impl Drop for BodySender {
    fn drop(&mut self) {
        let mut slot = lock(&self.0);
        if matches!(slot.state, ChannelState::Open) {
            slot.state = ChannelState::Failed(Some(CutShort.into()));
            if let Some(waker) = slot.waits.take() {
                waker.wake();
            }
        }
    }
}

impl Drop for BodyReceiver {
    fn drop(&mut self) {
        let mut slot = lock(&self.0);
        (slot.gone, slot.frame, slot.waits) = (true, None, None);
    }
}

impl Body for BodyReceiver {
    type Data = Bytes;
    type Error = ChannelError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ChannelError>>> {
        let slot = &mut *lock(&self.0);
        if let Some(frame) = slot.frame.take() {
            if let (Some(left), Some(data)) = (&mut slot.left, frame.data_ref()) {
                *left = left.saturating_sub(data.len() as u64);
            }
            return Poll::Ready(Some(Ok(frame)));
        }
        match &mut slot.state {
            ChannelState::Over => Poll::Ready(None),
            ChannelState::Failed(error) => Poll::Ready(error.take().map(Err)),
            ChannelState::Open => {
                match &mut slot.waits {
                    Some(waker) => waker.clone_from(cx.waker()),
                    None => slot.waits = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let slot = lock(&self.0);
        slot.frame.is_none() && matches!(slot.state, ChannelState::Over)
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.0).left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

fn wake(mut slot: MutexGuard<'_, ChannelSlot>, cx: &Context<'_>) {
    let waker = slot.waits.take();
    drop(slot);
    if let Some(waker) = waker.filter(|waker| !waker.will_wake(cx.waker())) {
        waker.wake();
    }
}

fn lock(slot: &Mutex<ChannelSlot>) -> MutexGuard<'_, ChannelSlot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(receiver: &mut BodyReceiver) -> Poll<Option<Result<Frame<Bytes>, ChannelError>>> {
        Pin::new(receiver).poll_frame(&mut Context::from_waker(Waker::noop()))
    }

    fn piece(receiver: &mut BodyReceiver) -> Bytes {
        let Poll::Ready(Some(Ok(frame))) = poll(receiver) else { panic!("no piece") };
        frame.into_data().unwrap()
    }

    #[test]
    fn pieces_pass_one_by_one_as_they_are_asked_for() {
        let cx = Context::from_waker(Waker::noop());
        let (sender, mut receiver) = channel(Some(3));
        assert_eq!((sender.demand(), receiver.size_hint().exact()), (BodyDemand::Busy, Some(3)));
        assert!(poll(&mut receiver).is_pending());
        assert_eq!(sender.demand(), BodyDemand::Waits);
        sender.send(Frame::data("ab".into()), false, &cx);
        assert_eq!((sender.demand(), receiver.is_end_stream()), (BodyDemand::Busy, false));
        assert_eq!((piece(&mut receiver), receiver.size_hint().exact()), ("ab".into(), Some(1)));
        sender.send(Frame::data("c".into()), true, &cx);
        assert!(!receiver.is_end_stream());
        assert_eq!((piece(&mut receiver), receiver.is_end_stream()), ("c".into(), true));
        assert!(matches!(poll(&mut receiver), Poll::Ready(None)));
        drop(receiver);
        assert_eq!(sender.demand(), BodyDemand::Gone);
    }

    #[test]
    fn a_body_that_breaks_off_is_not_whole() {
        let (sender, mut receiver) = channel(None);
        drop(sender);
        assert!(!receiver.is_end_stream());
        assert!(matches!(poll(&mut receiver), Poll::Ready(Some(Err(error))) if error.is::<CutShort>()));
        let (sender, mut receiver) = channel(None);
        sender.finish(&Context::from_waker(Waker::noop()));
        drop(sender);
        assert!(matches!(poll(&mut receiver), Poll::Ready(None)));
    }
}
