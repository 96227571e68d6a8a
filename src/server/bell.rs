//! [`when_rung`]: lets what seldom happens wait beside what happens all the time.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Waits for what seldom happens, such as a drain or a timer. Each time a task runs it would have to ask all of them, under
/// locks that they share with other tasks. This asks only when one of them has woken the task.
pub(super) async fn when_rung<F: Future>(seldom: F) -> F::Output {
    let (bell, mut seldom) = (Arc::new(Bell { rung: AtomicBool::new(true), task: AtomicWaker::new() }), pin!(seldom));
    let waker = Waker::from(Arc::clone(&bell));
    poll_fn(|cx| {
        // Before the look, so that no ring is missed.
        bell.task.register(cx.waker());
        if bell.rung.swap(false, Ordering::Acquire) {
            seldom.as_mut().poll(&mut Context::from_waker(&waker))
        } else {
            Poll::Pending
        }
    })
    .await
}

/// What stands for the task where it waits.
struct Bell {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn what_seldom_happens_is_asked_when_it_asks_for_that() {
        let (door, asked) = (Notify::new(), Cell::new(0));
        let mut opened = pin!(door.notified());
        let seldom = poll_fn(|cx| {
            asked.set(asked.get() + 1);
            opened.as_mut().poll(cx)
        });
        let mut waiting = pin!(when_rung(seldom));
        for _ in 0..3 {
            assert!(futures_util::poll!(waiting.as_mut()).is_pending());
            assert_eq!(asked.get(), 1, "once, to begin with");
        }
        let ((), ()) = tokio::join!(waiting, async { door.notify_one() });
        assert_eq!(asked.get(), 2);
    }
}
