//! [`HangupSignal`]: the signal that asks for a reload.

use std::future::pending;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGHUP, listened to from here on; until then it ends the process.
#[derive(Debug)]
pub struct HangupSignal(Signal);

impl HangupSignal {
    /// Begins to listen.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn listen() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// Resolves when one has come since the last time; several count as one.
    pub async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            // No more will ever come.
            pending::<()>().await;
        }
    }
}
