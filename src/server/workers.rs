//! [`Workers`]: the threads that connections are served on.

use std::io;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use tokio::runtime::Handle;

use super::runtime_thread::RuntimeThread;
use crate::io::{BufferPool, LiveCount, LiveCountGuard};

/// The threads that connections are served on. Each has a runtime and buffers of its own, so that all that belongs to a
/// connection, what it reads, its timers and its way to the gateway, stays on one core. Threads that share a runtime fetch tasks
/// from each other, and a short request costs a third more.
#[derive(Debug, Clone)]
pub struct Workers(Arc<WorkersShared>);

#[derive(Debug)]
struct WorkersShared {
    /// The thread that accepts clients.
    first: Worker,
    others: Vec<Worker>,
}

/// One thread and its runtime.
#[derive(Debug)]
pub(crate) struct Worker {
    thread: ThreadId,
    runtime: Handle,
    buffers: Arc<BufferPool>,
    connections: LiveCount,
}

/// The threads that were started. Dropping this ends them, and with them the tasks that still run there.
#[derive(Debug, Default)]
pub struct WorkerThreads(Vec<RuntimeThread>);

impl Workers {
    /// The calling thread, and as many more as make `count`.
    ///
    /// # Errors
    /// If the kernel has no more threads, or no more files for them.
    pub fn start(count: usize) -> io::Result<(Self, WorkerThreads)> {
        let (mut threads, mut others) = (WorkerThreads::default(), Vec::new());
        for number in 1..count {
            let thread = RuntimeThread::start(format!("worker-{number}"))?;
            others.extend(thread.id().map(|id| Worker::new(id, thread.runtime().clone())));
            threads.0.push(thread);
        }
        Ok((Self(Arc::new(WorkersShared { first: Worker::here(), others })), threads))
    }

    /// How long each thread has been busy, in seconds.
    pub(crate) fn busy(&self) -> Vec<f64> {
        let all = [&self.0.first].into_iter().chain(&self.0.others);
        all.map(|worker| worker.runtime.metrics().worker_total_busy_duration(0).as_secs_f64()).collect()
    }

    /// The worker with the fewest connections, and a guard that counts one more there: a WebSocket stays for a day on
    /// the thread where it once is. Among equals it is the first, which is where clients are accepted.
    pub(crate) fn least_busy(&self) -> (&Worker, LiveCountGuard) {
        let less = |best, other| if connections(other) < connections(best) { other } else { best };
        let worker = self.0.others.iter().fold(&self.0.first, less);
        (worker, worker.connections.enter())
    }
}

fn connections(worker: &Worker) -> usize {
    worker.connections.count()
}

impl Worker {
    fn here() -> Self {
        Self::new(thread::current().id(), Handle::current())
    }

    fn new(thread: ThreadId, runtime: Handle) -> Self {
        Self { thread, runtime, buffers: Arc::new(BufferPool::new()), connections: LiveCount::default() }
    }

    /// Whether this is the calling thread.
    pub(crate) fn is_here(&self) -> bool {
        self.thread == thread::current().id()
    }

    /// The pool that its connections borrow memory from.
    pub(crate) fn buffers(&self) -> &Arc<BufferPool> {
        &self.buffers
    }

    /// The runtime that tasks are spawned on.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

impl Drop for WorkerThreads {
    fn drop(&mut self) {
        // All at once; then each is waited for.
        self.0.iter().for_each(RuntimeThread::stop);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;
    use crate::drain::Drain;

    fn all(workers: &Workers) -> impl Iterator<Item = &Worker> {
        std::iter::once(&workers.0.first).chain(&workers.0.others)
    }

    #[tokio::test]
    async fn the_worker_with_the_fewest_connections_is_next_and_the_first_among_equals() {
        let (workers, _threads) = Workers::start(3).unwrap();
        let number = |worker: &Worker| all(&workers).position(|other| std::ptr::eq(worker, other)).unwrap();
        let mut seats = Vec::new();
        for expected in [0, 1, 2, 0, 1, 2] {
            let (worker, seat) = workers.least_busy();
            assert_eq!(number(worker), expected);
            seats.push(seat);
        }
        drop(seats.remove(4));
        assert_eq!(number(workers.least_busy().0), 1, "a client that left is not counted");
    }

    #[tokio::test]
    async fn each_worker_serves_on_a_thread_of_its_own_and_the_first_where_it_was_made() {
        let (workers, _threads) = Workers::start(3).unwrap();
        let (drain, mut seen) = (Drain::new(), HashSet::new());
        for worker in all(&workers) {
            let (tell, told) = oneshot::channel();
            drain.spawn_on(worker.runtime(), async move {
                let _ = tell.send(thread::current().id());
            });
            let thread = told.await.unwrap();
            assert_eq!(worker.is_here(), thread == thread::current().id());
            assert!(seen.insert(thread));
        }
        assert!(workers.0.first.is_here());
        drain.ended().await;
    }

    #[tokio::test]
    async fn what_blocks_a_thread_does_not_keep_the_others_from_their_end() {
        let (workers, threads) = Workers::start(3).unwrap();
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let blocked = std::sync::Mutex::new(blocked);
        workers.0.others[0].runtime().spawn_blocking(move || blocked.lock().unwrap().recv());
        let began = tokio::time::Instant::now();
        drop(threads);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        drop(release);
    }

    #[tokio::test]
    async fn what_still_runs_when_the_threads_are_given_up_is_dropped() {
        let (workers, threads) = Workers::start(2).unwrap();
        let (held, gone) = oneshot::channel::<()>();
        Drain::new().spawn_on(workers.0.others[0].runtime(), async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        drop(threads);
        assert!(gone.await.is_err());
    }
}
