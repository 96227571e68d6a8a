//! [`BackgroundTask`]: a task that can be ended while the rest goes on.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::drain::Drain;

/// Says by being dropped that a task has ended.
pub(super) type TaskEnd = oneshot::Sender<()>;

/// A task that can be ended while the rest goes on, and that ends with the rest.
#[derive(Debug)]
pub(super) struct BackgroundTask {
    drain: Drain,
    /// Closed by the task.
    ended: oneshot::Receiver<()>,
}

impl BackgroundTask {
    /// Starts the task that `task` makes of its own part of `drain`.
    pub(super) fn start<F>(drain: &Drain, task: impl FnOnce(Drain) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let after = |part, end| {
            let task = task(part);
            async move {
                task.await;
                drop(end);
            }
        };
        Self::until(drain, after)
    }

    /// The same for a task that counts as ended when it drops what it is given beside its part, though it goes on.
    pub(super) fn until<F>(drain: &Drain, task: impl FnOnce(Drain, TaskEnd) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let part = drain.part();
        let (end, ended) = oneshot::channel();
        drain.spawn(task(part.clone(), end));
        Self { drain: part, ended }
    }

    /// Asks it to finish, and does not wait until it has.
    pub(super) fn dismiss(self) {
        self.drain.soften();
    }

    /// Asks it to finish, and waits until it has, or for a moment: it may be waiting itself.
    pub(super) async fn stop(self) {
        self.drain.soften();
        // Nothing is ever sent: this resolves when the task is gone.
        let _ = timeout(A_MOMENT, self.ended).await;
    }
}

const A_MOMENT: Duration = Duration::from_secs(2);
