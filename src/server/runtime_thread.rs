//! [`RuntimeThread`]: a thread with a runtime of its own.

use std::io;
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

/// A thread with a runtime of its own. Dropping this ends it, and with it the tasks that still run there.
#[derive(Debug)]
pub(crate) struct RuntimeThread {
    runtime: Handle,
    stop: CancellationToken,
    running: Option<JoinHandle<()>>,
}

impl RuntimeThread {
    /// Starts a thread of this name.
    ///
    /// # Errors
    /// If the kernel has no more threads, or no more files for them.
    pub(crate) fn start(name: impl Into<String>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (handle, stop) = (runtime.handle().clone(), CancellationToken::new());
        let stopped = stop.clone();
        let run = move || {
            runtime.block_on(stopped.cancelled_owned());
            runtime.shutdown_timeout(LAST_MOMENT);
        };
        let running = thread::Builder::new().name(name.into()).spawn(run)?;
        Ok(Self { runtime: handle, stop, running: Some(running) })
    }

    /// The runtime, to spawn tasks on it, and to make sockets that they read.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// The thread's id.
    pub(super) fn id(&self) -> Option<ThreadId> {
        self.running.as_ref().map(|running| running.thread().id())
    }

    /// Tells the thread to end, without waiting for it.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }
}

impl Drop for RuntimeThread {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(running) = self.running.take() {
            // A thread that has panicked has ended as well.
            let _ = running.join();
        }
    }
}

/// How long a call may still block a thread of a runtime when everything else has ended, such as a resolver that does
/// not answer.
pub(crate) const LAST_MOMENT: Duration = Duration::from_millis(250);
