//! [`WakeFlag`]: lets a task wait for rare events beside what happens all the time.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Stands for a task where it waits for rare events, such as a drain or a timer. Each time the task runs it would have
/// to poll all of their sources, under locks that they share with other tasks; so it polls them only when one has
/// raised the flag.
#[derive(Debug, Default)]
pub(crate) struct WakeFlag {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl WakeFlag {
    /// Registers the current task as the one to wake.
    pub(crate) fn watch(&self, cx: &Context<'_>) {
        self.task.register(cx.waker());
    }

    /// Whether the flag was raised since the last call. A task that has called [`WakeFlag::watch`] before this misses
    /// nothing.
    pub(crate) fn take(&self) -> bool {
        self.rung.load(Ordering::Relaxed) && self.rung.swap(false, Ordering::Acquire)
    }

    /// Raises the flag, and wakes the task that watches it.
    pub(crate) fn raise(&self) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.raise();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.raise();
    }
}

/// Waits for `seldom`, which is polled only when it has woken the task.
pub(crate) async fn when_raised<F: Future>(seldom: F) -> F::Output {
    let (wake_flag, mut seldom) = (Arc::new(WakeFlag::default()), pin!(seldom));
    let waker = Waker::from(Arc::clone(&wake_flag));
    // `seldom` must be polled once, to learn which waker to call.
    wake_flag.raise();
    poll_fn(|cx| {
        wake_flag.watch(cx);
        if wake_flag.take() { seldom.as_mut().poll(&mut Context::from_waker(&waker)) } else { Poll::Pending }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::Notify;

    use super::*;

    #[test]
    fn raising_the_flag_wakes_the_watching_task_and_is_seen_once() {
        let (wake_flag, task) = (Arc::new(WakeFlag::default()), Arc::new(WakeFlag::default()));
        let waker = Waker::from(Arc::clone(&task));
        assert!(!wake_flag.take());
        for _ in 0..2 {
            wake_flag.watch(&Context::from_waker(&waker));
            Waker::from(Arc::clone(&wake_flag)).wake();
            assert!(task.take(), "each time");
            assert!(wake_flag.take() && !wake_flag.take());
        }
    }

    #[tokio::test]
    async fn a_rare_future_is_polled_only_after_it_has_woken_the_task() {
        let (door, asked) = (Notify::new(), Cell::new(0));
        let mut opened = pin!(door.notified());
        let seldom = poll_fn(|cx| {
            asked.set(asked.get() + 1);
            opened.as_mut().poll(cx)
        });
        let mut waiting = pin!(when_raised(seldom));
        for _ in 0..3 {
            assert!(futures_util::poll!(waiting.as_mut()).is_pending());
            assert_eq!(asked.get(), 1, "once, to begin with");
        }
        let ((), ()) = tokio::join!(waiting, async { door.notify_one() });
        assert_eq!(asked.get(), 2);
    }
}
