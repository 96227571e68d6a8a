//! From the first signal to the last connection: soft first, hard at the deadline or the second signal. Also how
//! another process takes over, and which messages the service manager gets.

#[cfg(target_os = "linux")]
mod handover;
#[cfg_attr(not(unix), path = "lifecycle/no_hangup.rs")]
mod hangup;
mod in_use;
#[cfg(not(target_os = "linux"))]
mod no_handover;
#[cfg(target_os = "linux")]
pub(crate) mod notify;
#[cfg(target_os = "linux")]
mod predecessor;
#[cfg(target_os = "linux")]
mod successor;

use std::io;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::drain::Drain;
use crate::platform::signals::EndSignals;

pub(crate) use hangup::{HangupSignal, TerminalGone};
pub(crate) use in_use::InUse;
#[cfg(not(target_os = "linux"))]
pub(crate) use no_handover::{Predecessor, Successor, notify};
#[cfg(target_os = "linux")]
pub(crate) use {predecessor::Predecessor, successor::Successor};

/// The signals that end a process; the value catches them from its creation on.
#[derive(Debug)]
pub(crate) struct StopSignals {
    end: EndSignals,
    terminal: TerminalGone,
}

/// The outcome of a drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrainOutcome {
    /// Every task ended by itself.
    Clean,
    /// The deadline passed, or a second signal came: this many tasks were cut.
    Cut(usize),
}

impl StopSignals {
    /// Begins to listen to [`EndSignals`], besides what is said of the terminal.
    ///
    /// # Errors
    /// The kernel refuses a handler.
    pub(crate) fn listen(terminal: TerminalGone) -> io::Result<Self> {
        Ok(Self { end: EndSignals::listen()?, terminal })
    }

    /// Resolves to the name of the next signal.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            name = self.end.next() => name,
            () = self.terminal.wait() => "SIGHUP: the terminal is gone",
        }
    }
}

/// How long clients are still served after `/readyz` has begun to answer 503, of the time that a drain may take: a load
/// balancer that probes it must see that and send clients elsewhere before the listeners close. Only when a probe asked
/// a short while ago (`asked`); without a load balancer no client would be served better by waiting.
pub(crate) fn notice(asked: Option<Duration>, limit: Duration) -> Duration {
    match asked {
        Some(ago) if ago <= BALANCER_ASKS_EVERY => LONGEST_NOTICE.min(limit / 6),
        _ => Duration::ZERO,
    }
}

/// Asks every task to finish and waits for that, at most `limit` and only until `hurry` resolves; then orders them to
/// stop.
pub(crate) async fn drain(drain: &Drain, limit: Duration, hurry: impl Future<Output = ()>) -> DrainOutcome {
    drain.soften();
    let deadline = Instant::now() + limit;
    let in_time = tokio::select! {
        ended = timeout_at(deadline, drain.ended()) => ended.is_ok(),
        () = hurry => false,
    };
    if in_time {
        return DrainOutcome::Clean;
    }
    let cut = drain.running();
    drain.harden();
    // A task that was ordered to stop needs no more than a moment.
    let _ = timeout_at(Instant::now() + MOMENT, drain.ended()).await;
    DrainOutcome::Cut(cut)
}

/// The longest probe interval in practice; Kubernetes and HAProxy probe every few seconds.
const BALANCER_ASKS_EVERY: Duration = Duration::from_mins(1);
/// Two probes of HAProxy (2 s), and half of the time until a container is killed by default (10 s).
const LONGEST_NOTICE: Duration = Duration::from_secs(5);
const MOMENT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_close_later_only_after_a_recent_readiness_probe() {
        let seconds = Duration::from_secs;
        for (asked, limit, notice_is) in [
            (None, 30, 0),
            (Some(61), 30, 0),
            (Some(60), 30, 5),
            (Some(0), 30, 5),
            (Some(0), 12, 2),
            (Some(0), 3600, 5),
            (Some(0), 0, 0),
        ] {
            assert_eq!(notice(asked.map(seconds), seconds(limit)), seconds(notice_is), "{asked:?} {limit}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn soft_first_hard_at_the_deadline_or_on_a_second_signal() {
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
        assert_eq!(drain(&task(limit / 2), limit, std::future::pending()).await, DrainOutcome::Clean);
        assert_eq!(began.elapsed().as_secs(), 15);
        let began = Instant::now();
        assert_eq!(drain(&task(limit * 2), limit, std::future::pending()).await, DrainOutcome::Cut(1));
        assert_eq!(began.elapsed().as_secs(), 30);
        let began = Instant::now();
        let hurry = tokio::time::sleep(Duration::from_secs(3));
        assert_eq!(drain(&task(limit * 2), limit, hurry).await, DrainOutcome::Cut(1));
        assert_eq!(began.elapsed().as_secs(), 3);
    }
}
