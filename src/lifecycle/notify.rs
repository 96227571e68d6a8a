//! Messages to the service manager (`sd_notify(3)`, units of `Type=notify` and `notify-reload`). Without
//! `$NOTIFY_SOCKET` none is sent. A manager that takes no message is waited for a moment and no longer: neither a
//! reload nor the shutdown may depend on it.

use std::convert::Infallible;
use std::env;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram as StdUnixDatagram};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::net::UnixDatagram;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Says that this process serves: after its start, and after a reload.
pub(crate) async fn ready() {
    tell(&[NotifyState::Ready]).await;
}

/// Says that a reload begins; [`ready`] ends it.
pub(crate) async fn reloading() {
    match NotifyState::monotonic_usec_now() {
        // In one datagram: the manager treats the one without the other as a failure.
        Ok(now) => tell(&[NotifyState::Reloading, now]).await,
        Err(error) => tracing::warn!(%error, "cannot read the clock for the service manager"),
    }
}

/// Says that this process will end.
pub(crate) async fn stopping() {
    tell(&[NotifyState::Stopping]).await;
}

/// Says that the process `pid` is the service from here on.
pub(crate) async fn main_pid(pid: u32) {
    tell(&[NotifyState::MainPid(pid)]).await;
}

/// Tells a watchdog that this process is alive, twice in each of its intervals; waits for ever where there is none.
pub(crate) async fn watchdog() -> Infallible {
    let every = sd_notify::watchdog_enabled().map(|interval| interval / 2).filter(|half| *half > Duration::ZERO);
    let Some(every) = every else { return std::future::pending().await };
    let mut ticks = interval(every);
    // The manager counts from the last message that it received.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        tell(&[NotifyState::Watchdog]).await;
    }
}

async fn tell(state: &[NotifyState<'_>]) {
    let Some(socket) = env::var_os("NOTIFY_SOCKET") else { return };
    let sent = timeout(LONGEST_WAIT, send(&socket, state)).await;
    if let Err(error) = sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        tracing::warn!(%error, "cannot reach the service manager at $NOTIFY_SOCKET");
    }
}

/// Sends as [`sd_notify::notify`] does, which blocks its thread for as long as the socket's queue is full.
async fn send(socket: &OsStr, state: &[NotifyState<'_>]) -> io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let sender = StdUnixDatagram::unbound()?;
    sender.connect_addr(&address)?;
    sender.set_nonblocking(true)?;
    let message = state.iter().fold(String::new(), |mut message, state| {
        // Writing to a string cannot fail.
        let _ = writeln!(message, "{state}");
        message
    });
    UnixDatagram::from_std(sender)?.send(message.as_bytes()).await.map(drop)
}

/// How long a message may wait in the manager's queue.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manager_that_reads_nothing_is_given_up_and_one_that_reads_gets_whole_datagrams() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let send = || send(path.as_os_str(), &[NotifyState::Reloading, NotifyState::Watchdog]);
        let mut sent = 0;
        // The kernel queues a few datagrams (net.unix.max_dgram_qlen), and then no more.
        while timeout(Duration::from_millis(50), send()).await.is_ok_and(|sent| sent.is_ok()) {
            sent += 1;
            assert!(sent < 100_000, "it never fills");
        }
        for _ in 0..sent {
            let mut message = [0; 64];
            let length = manager.recv(&mut message).await.unwrap();
            assert_eq!(&message[..length], b"RELOADING=1\nWATCHDOG=1\n");
        }
        send().await.unwrap();
        assert!(send_to("@frontgate-tests-nobody-listens-here").await.is_err());
    }

    async fn send_to(socket: &str) -> io::Result<()> {
        send(OsStr::new(socket), &[NotifyState::Ready]).await
    }
}
