//! [`ReceiveWindow`]: how much a client may send ahead on all streams of a connection together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Context;

use crate::io::wake_flag::WakeFlag;
use crate::server::send_space::SendLease;

/// How much a client may send ahead on all streams of a connection together (RFC 9113 §6.9.1).
///
/// A WebSocket whose gateway does not read keeps what the client has sent on it, up to the window of its stream. The window
/// of the connection grows by as much for so long: otherwise a few such sockets would stop every other stream. The memory for
/// that is leased from the [`SendSpace`](crate::server::send_space::SendSpace) of all connections; where there is none left,
/// the streams of this connection wait for each other. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct ReceiveWindow(Arc<ReceiveWindowShared>);

#[derive(Debug)]
struct ReceiveWindowShared {
    /// How many streams stand still at the expense of the lease.
    held: AtomicU32,
    lease: SendLease,
    changed: WakeFlag,
}

/// Keeps the window wider by what one stream may hold, until this is dropped.
#[derive(Debug)]
pub(super) struct WindowHold(ReceiveWindow);

impl ReceiveWindow {
    /// The window of a new connection.
    pub(super) fn new(lease: SendLease) -> Self {
        Self(Arc::new(ReceiveWindowShared { held: AtomicU32::new(0), lease, changed: WakeFlag::default() }))
    }

    /// Makes room beside a stream that stands still; `None` where no memory is left for that.
    pub(super) fn hold(&self) -> Option<WindowHold> {
        let held = self.0.held.fetch_add(1, Ordering::Relaxed) + 1;
        let hold = WindowHold(self.clone());
        self.0.changed.raise();
        self.0.lease.covers(held as usize * STREAM_WINDOW as usize).then_some(hold)
    }

    /// The size of the window, if it may have changed since the last call. The task is woken at the next change.
    pub(super) fn poll_change(&self, cx: &Context<'_>) -> Option<u32> {
        self.0.changed.watch(cx);
        self.0.changed.take().then(|| self.size())
    }

    fn size(&self) -> u32 {
        CONNECTION_WINDOW + self.0.held.load(Ordering::Relaxed) * STREAM_WINDOW
    }
}

impl Drop for WindowHold {
    fn drop(&mut self) {
        let window = &self.0.0;
        if window.held.fetch_sub(1, Ordering::Relaxed) == 1 {
            window.lease.give_back();
        }
        window.changed.raise();
    }
}

/// How many bytes a client may send ahead on one stream, and on all of them while none stands still: they are kept for a
/// gateway that does not take them. A window smaller than this slows an upload down over a path of 20 ms. A byte that is kept
/// takes several times its size where pieces of other streams came with it, which is why all streams together may send ahead
/// no more than two of them.
pub(super) const STREAM_WINDOW: u32 = 256 * 1024;
pub(super) const CONNECTION_WINDOW: u32 = 512 * 1024;

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::server::send_space::SendSpace;

    #[test]
    fn the_window_is_as_much_wider_as_streams_stand_still_within_the_memory_for_that() {
        let cx = Context::from_waker(Waker::noop());
        let window = ReceiveWindow::new(SendSpace::new(4 * STREAM_WINDOW as usize).lease(None));
        assert_eq!(window.poll_change(&cx), None);
        let one = window.hold().unwrap();
        assert_eq!(window.poll_change(&cx), Some(CONNECTION_WINDOW + STREAM_WINDOW));
        assert_eq!(window.poll_change(&cx), None);
        let two = window.hold().unwrap();
        assert!(window.hold().is_none(), "one network has half of the space");
        assert_eq!(window.poll_change(&cx), Some(CONNECTION_WINDOW + 2 * STREAM_WINDOW));
        drop((one, two));
        assert_eq!(window.poll_change(&cx), Some(CONNECTION_WINDOW));
        assert!(window.0.lease.is_empty());
    }
}
