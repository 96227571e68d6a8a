//! [`HangupSignal`]: the signal that asks for a reload.

use std::future::pending;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Catches SIGHUP from its creation on; before that SIGHUP ends the process.
#[derive(Debug)]
pub(crate) struct HangupSignal(Signal);

impl HangupSignal {
    /// Begins to catch the signal.
    ///
    /// # Errors
    /// The kernel refuses a handler.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// Resolves when a signal has come since the last call; several count as one.
    pub(crate) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            // The kernel delivers no more signals.
            pending::<()>().await;
        }
    }
}
