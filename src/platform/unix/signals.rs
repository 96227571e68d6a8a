//! The signals that end a process, and the one that asks for a successor.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What ends a process; the value catches it from its creation on.
#[derive(Debug)]
pub(crate) struct EndSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl EndSignals {
    /// Begins to listen to SIGTERM and SIGINT.
    ///
    /// # Errors
    /// The kernel refuses a handler.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Resolves to the name of the next one.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// What asks for a successor: SIGUSR2.
#[derive(Debug)]
pub(crate) struct UpgradeSignal(Signal);

impl UpgradeSignal {
    /// Begins to listen.
    ///
    /// # Errors
    /// The kernel refuses a handler.
    pub(crate) fn listen() -> io::Result<Self> {
        signal(SignalKind::user_defined2()).map(Self)
    }

    /// Resolves when it is asked for.
    pub(crate) async fn next(&mut self) {
        self.0.recv().await;
    }
}
