//! [`HangupSignal`] where there is no such signal: a changed file or `frontgate reload` asks for a reload, and a console that is closed is
//! among what ends a process.

use std::io;

/// What would ask for a reload.
#[derive(Debug)]
pub(crate) struct HangupSignal;

/// What would say that the terminal is gone.
#[derive(Debug, Clone, Default)]
pub(crate) struct TerminalGone;

impl HangupSignal {
    /// There is nothing to listen to.
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere the kernel may refuse")]
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits for ever.
    pub(crate) async fn next(&mut self) {
        std::future::pending().await
    }

    /// What says that the terminal is gone.
    #[expect(clippy::unused_self, reason = "elsewhere the signal says it")]
    pub(crate) fn terminal_gone(&self) -> TerminalGone {
        TerminalGone
    }
}

impl TerminalGone {
    /// Waits for ever.
    pub(crate) async fn wait(&self) {
        std::future::pending().await
    }
}
