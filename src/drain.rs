//! [`Drain`]: how everything that runs is told to end, and how shutdown knows that it has.

use std::future::Future;

use tokio::runtime::Handle;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};
use tokio_util::task::TaskTracker;

/// The only way to spawn a task, and the two signals that end one.
///
/// *Soft* asks: finish what is under way, begin nothing. *Hard* orders: stop where you are. A task that was spawned
/// here is waited for by [`Drain::ended`]; hyper forgets an upgraded connection after its 101, this does not.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
}

impl Drain {
    /// A drain of its own, on which no task runs yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A part of this drain, which receives the signals of the whole, or its own before them. The whole also waits for
    /// tasks that are spawned on a part.
    #[must_use]
    pub(crate) fn part(&self) -> Self {
        Self { soft: self.soft.child_token(), hard: self.hard.child_token(), tasks: self.tasks.clone() }
    }

    /// Runs `task` until it ends by itself; it must watch the two signals.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task);
    }

    /// Runs `task`, like [`Drain::spawn`], on another thread's runtime.
    pub(crate) fn spawn_on<F>(&self, runtime: &Handle, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn_on(task, runtime);
    }

    /// Sends the soft signal: every task is asked to finish.
    pub(crate) fn soften(&self) {
        self.soft.cancel();
    }

    /// Sends both signals: every task is ordered to stop.
    pub fn harden(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }

    /// Resolves when the soft signal has been sent.
    pub(crate) fn soft(&self) -> WaitForCancellationFuture<'_> {
        self.soft.cancelled()
    }

    /// Resolves when the hard signal has been sent.
    pub(crate) fn hard(&self) -> WaitForCancellationFuture<'_> {
        self.hard.cancelled()
    }

    /// Whether the soft signal has been sent.
    pub(crate) fn is_soft(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Whether the hard signal has been sent.
    pub(crate) fn is_hard(&self) -> bool {
        self.hard.is_cancelled()
    }

    /// How many tasks are running on this drain and all its parts.
    pub(crate) fn running(&self) -> usize {
        self.tasks.len()
    }

    /// Resolves when the last task has ended. This is only useful once no new tasks begin.
    pub(crate) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
