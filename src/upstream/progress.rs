//! [`TransferProgress`]: when a transfer last went on, and until when it must go on again; [`StallTimer`] waits for
//! that moment.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// When a transfer last went on, and for how long it may stand still: a request's body, or an answer's, in either
/// protocol. One byte is progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TransferProgress {
    limit: Option<Duration>,
    moved: Instant,
}

/// Waits until a transfer has stood still for too long. Its timer is set when something is waited for the first time,
/// and checked when it fires: most transfers end before.
#[derive(Debug)]
pub struct StallTimer {
    progress: TransferProgress,
    /// Whether the transfer waits, since `progress` began.
    waits: bool,
    timer: Option<Pin<Box<Sleep>>>,
}

impl TransferProgress {
    /// A transfer that begins `now` and may stand still for `limit`; `None` is for ever.
    pub(crate) fn new(limit: Option<Duration>, now: Instant) -> Self {
        Self { limit, moved: now }
    }

    /// Notes that at least one byte has moved.
    pub(crate) fn moved(&mut self, now: Instant) {
        self.moved = now;
    }

    /// The same transfer under another limit.
    #[must_use]
    pub(crate) fn within(self, limit: Option<Duration>) -> Self {
        Self { limit, ..self }
    }

    /// The time at which the transfer has stood still for too long; `None` is never.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.moved.checked_add(self.limit?)
    }

    /// Whether that time has come.
    #[cfg(test)]
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|at| at <= now)
    }
}

/// The shorter of two limits, of which each may be off. The client must take an answer within `send` and `progress`.
pub(crate) fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}

impl StallTimer {
    /// A timer for a transfer that may stand still for `limit`; `None` is for ever.
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self { progress: TransferProgress::new(limit, Instant::now()), waits: false, timer: None }
    }

    /// Replaces the limit.
    pub(crate) fn set_limit(&mut self, limit: Option<Duration>) {
        self.progress.limit = limit;
    }

    /// Notes that the transfer went on, or does not wait for the peer: the clock stands until the next
    /// [`StallTimer::poll_waiting`].
    pub(crate) fn moved(&mut self) {
        self.waits = false;
    }

    /// Lets the clock run, because the transfer waits for the peer. Ready when it has waited for too long.
    pub(crate) fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.waits {
            self.waits = true;
            self.progress.moved(Instant::now());
        }
        let Some(at) = self.progress.deadline() else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        // A timer that was set for an earlier moment is moved when it fires, one for a later moment at once.
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if at <= Instant::now() {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Waker;

    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn one_byte_is_progress_and_no_limit_is_for_ever() {
        let begin = Instant::now();
        let mut progress = TransferProgress::new(Some(2 * SECOND), begin);
        let rows = [(0, false), (1, false), (2, true), (3, true)];
        for (after, over) in rows {
            assert_eq!(progress.is_over(begin + after * SECOND), over, "{after}");
        }
        progress.moved(begin + SECOND);
        assert_eq!(progress.deadline(), Some(begin + 3 * SECOND));
        let endless = TransferProgress::new(None, begin);
        assert!(endless.deadline().is_none() && !endless.is_over(begin + 1_000_000 * SECOND));
        let huge = TransferProgress::new(Some(Duration::MAX), begin);
        assert!(huge.deadline().is_none(), "a limit that no clock holds is none");
    }

    #[test]
    fn the_shorter_of_two_limits_holds() {
        let rows = [
            (None, None, None),
            (Some(SECOND), None, Some(SECOND)),
            (None, Some(SECOND), Some(SECOND)),
            (Some(2 * SECOND), Some(SECOND), Some(SECOND)),
            (Some(SECOND), Some(2 * SECOND), Some(SECOND)),
        ];
        for (one, other, expected) in rows {
            assert_eq!(shorter(one, other), expected, "{one:?} {other:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_time_spent_waiting_counts() {
        let look = |stall: &mut StallTimer| stall.poll_waiting(&mut Context::from_waker(Waker::noop())).is_ready();
        let mut stall = StallTimer::new(Some(3 * SECOND));
        advance(10 * SECOND).await;
        assert!(!look(&mut stall), "the wait begins here");
        advance(2 * SECOND).await;
        assert!(!look(&mut stall));
        stall.moved();
        advance(10 * SECOND).await;
        assert!(!look(&mut stall), "it went on, and for a while nothing was waited for");
        advance(2 * SECOND).await;
        assert!(!look(&mut stall));
        advance(SECOND).await;
        assert!(look(&mut stall));
    }

    #[tokio::test(start_paused = true)]
    async fn the_timer_rings_also_for_a_limit_that_became_shorter() {
        let mut stall = StallTimer::new(Some(100 * SECOND));
        assert!(stall.poll_waiting(&mut Context::from_waker(Waker::noop())).is_pending());
        stall.set_limit(Some(2 * SECOND));
        let began = Instant::now();
        poll_fn(|cx| stall.poll_waiting(cx)).await;
        assert_eq!(began.elapsed(), 2 * SECOND);
    }
}
