//! [`Running`]: a task that can be ended while the rest goes on.

use tokio::sync::oneshot;

use crate::drain::Drain;

/// A task that can be ended while the rest goes on, and that ends with the rest.
#[derive(Debug)]
pub(super) struct Running {
    drain: Drain,
    /// Closed by the task's end.
    ended: oneshot::Receiver<()>,
}

impl Running {
    /// Starts the task that `task` makes of its own part of `drain`.
    pub(super) fn start<F>(drain: &Drain, task: impl FnOnce(Drain) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let part = drain.part();
        let (end, ended) = oneshot::channel();
        let task = task(part.clone());
        drain.spawn(async move {
            task.await;
            drop(end);
        });
        Self { drain: part, ended }
    }

    /// Asks it to finish, and waits until it has.
    pub(super) async fn retire(self) {
        self.drain.soften();
        // Nothing is ever sent: this resolves when the task is gone.
        let _ = self.ended.await;
    }
}
