//! [`BackgroundTask`]: a task that can be ended while other tasks go on.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::drain::Drain;

/// Dropping it tells the `BackgroundTask` that the task has ended.
pub(super) type TaskEnd = oneshot::Sender<()>;

/// A task that can be ended while other tasks go on, and that ends when the whole process drains.
#[derive(Debug)]
pub(super) struct BackgroundTask {
    drain: Drain,
    /// Closes when the task has ended.
    ended: oneshot::Receiver<()>,
}

impl BackgroundTask {
    /// Starts the future that `task` makes of its own part of `drain`.
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

    /// Starts a task that counts as ended when it drops its [`TaskEnd`], even if it goes on.
    pub(super) fn until<F>(drain: &Drain, task: impl FnOnce(Drain, TaskEnd) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let part = drain.part();
        let (end, ended) = oneshot::channel();
        drain.spawn(task(part.clone(), end));
        Self { drain: part, ended }
    }

    /// Asks the task to finish, and does not wait until it has.
    pub(super) fn dismiss(self) {
        self.drain.soften();
    }

    /// Asks the task to finish, and waits until it has, but only for a moment: the task may be waiting itself.
    pub(super) async fn stop(self) {
        self.drain.soften();
        // No value is ever sent: this resolves when the task has dropped its end.
        let _ = timeout(A_MOMENT, self.ended).await;
    }
}

/// A task that ends with its owner.
#[derive(Debug)]
pub(super) struct OwnedTask(Option<BackgroundTask>);

impl OwnedTask {
    /// Starts the future that `task` makes of its own part of `drain`.
    pub(super) fn start<F>(drain: &Drain, task: impl FnOnce(Drain) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self(Some(BackgroundTask::start(drain, task)))
    }
}

impl Drop for OwnedTask {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.dismiss();
        }
    }
}

const A_MOMENT: Duration = Duration::from_secs(2);
