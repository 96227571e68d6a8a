//! What the service manager is told (`sd_notify(3)`, units of `Type=notify` and `notify-reload`). Without `$NOTIFY_SOCKET`
//! nobody is told anything.

use std::convert::Infallible;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};

/// This process serves: after its start, and after a reload.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// A reload begins; [`ready`] ends it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        // In one datagram: the manager takes the one without the other for a failure.
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "cannot read the clock for the service manager"),
    }
}

/// This process will end.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Another process is the service from here on.
pub fn main_pid(pid: u32) {
    tell(&[NotifyState::MainPid(pid)]);
}

/// Tells a watchdog that this process is alive, twice in each of its intervals; waits for ever where there is none.
pub async fn watchdog() -> Infallible {
    let every = sd_notify::watchdog_enabled().map(|interval| interval / 2).filter(|half| *half > Duration::ZERO);
    let Some(every) = every else { return std::future::pending().await };
    let mut ticks = interval(every);
    // The manager counts from the last one it hears.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "cannot reach the service manager at $NOTIFY_SOCKET");
    }
}
