//! From the first signal to the last connection: soft first, hard at the deadline or the second signal.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, timeout_at};

use crate::drain::Drain;

/// The signals that end a process, listened to from here on.
#[derive(Debug)]
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

/// How a drain went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Everything ended by itself.
    Clean,
    /// The deadline passed, or somebody was in a hurry: this many tasks were cut.
    Cut(usize),
}

impl Stop {
    /// Begins to listen to SIGTERM and SIGINT.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next signal's name.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Asks everything to finish and waits for it, at most `limit` and only until `hurry` resolves; then orders it to stop.
pub async fn drain(drain: &Drain, limit: Duration, hurry: impl Future<Output = ()>) -> Drained {
    drain.soften();
    let deadline = Instant::now() + limit;
    let in_time = tokio::select! {
        ended = timeout_at(deadline, drain.ended()) => ended.is_ok(),
        () = hurry => false,
    };
    if in_time {
        return Drained::Clean;
    }
    let cut = drain.running();
    drain.harden();
    // A task that was told to stop where it is needs no more than a moment.
    let _ = timeout_at(Instant::now() + MOMENT, drain.ended()).await;
    Drained::Cut(cut)
}

const MOMENT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn soft_first_hard_at_the_deadline_or_when_somebody_hurries() {
        let limit = Duration::from_secs(30);
        let task = |ends: Duration| {
            let all = Drain::new();
            let watched = all.clone();
            all.spawn(async move {
                watched.soft().await;
                tokio::select! {
                    () = tokio::time::sleep(ends) => {}
                    () = watched.hard() => {}
                }
            });
            all
        };
        let began = Instant::now();
        assert_eq!(drain(&task(limit / 2), limit, std::future::pending()).await, Drained::Clean);
        assert_eq!(began.elapsed().as_secs(), 15);
        let began = Instant::now();
        assert_eq!(drain(&task(limit * 2), limit, std::future::pending()).await, Drained::Cut(1));
        assert_eq!(began.elapsed().as_secs(), 30);
        let began = Instant::now();
        let hurry = tokio::time::sleep(Duration::from_secs(3));
        assert_eq!(drain(&task(limit * 2), limit, hurry).await, Drained::Cut(1));
        assert_eq!(began.elapsed().as_secs(), 3);
    }
}
