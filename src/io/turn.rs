//! [`Turn`]: how much a task moves before the other tasks of its thread have their turn.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};

use tokio::task::yield_now;

use super::buffers::TEXT;

/// How much a task has moved since it was woken, or in one direction of two. The runtime's own budget counts calls, and
/// lets some MiB pass.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    moved: usize,
}

impl Turn {
    /// Counts what a read has brought. A read of few bytes costs as much as copying [`SMALL_READ`].
    pub(crate) fn moved(&mut self, bytes: usize) {
        self.moved += bytes.max(SMALL_READ);
    }

    /// Pending once [`TURN`] has moved. The task is woken when the runtime has looked at all sockets: the others would
    /// have their turn and not know that they have bytes.
    pub(crate) fn poll_go_on(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.moved < TURN {
            return Poll::Ready(());
        }
        let _ = pin!(yield_now()).poll(cx);
        Poll::Pending
    }
}

/// Two full reads: some hundred microseconds with TLS.
pub(crate) const TURN: usize = 2 * TEXT;
const SMALL_READ: usize = 4 * 1024;

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn a_turn_is_over_after_so_many_bytes_or_reads() {
        for (bytes, reads) in
            [(TURN, 1), (TURN - 1, 2), (TEXT, 2), (SMALL_READ, TURN / SMALL_READ), (1, TURN / SMALL_READ)]
        {
            let (mut turn, mut cx) = (Turn::default(), Context::from_waker(Waker::noop()));
            for _ in 0..reads {
                assert!(turn.poll_go_on(&mut cx).is_ready(), "{bytes} at once");
                turn.moved(bytes);
            }
            assert!(turn.poll_go_on(&mut cx).is_pending(), "{bytes} at once");
        }
    }
}
