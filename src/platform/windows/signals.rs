//! What ends a process.

use std::io;

use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown,
};

/// What ends a process; the value catches it from its creation on.
#[derive(Debug)]
pub(crate) struct EndSignals {
    interrupt: CtrlC,
    stop: CtrlBreak,
    close: CtrlClose,
    shutdown: CtrlShutdown,
}

impl EndSignals {
    /// Begins to listen to the keys of the console, and to its end.
    ///
    /// # Errors
    /// The system refuses a handler.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: ctrl_c()?, stop: ctrl_break()?, close: ctrl_close()?, shutdown: ctrl_shutdown()? })
    }

    /// Resolves to the name of the next one.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "CTRL+C",
            _ = self.stop.recv() => "CTRL+BREAK",
            _ = self.close.recv() => "the console is closed",
            _ = self.shutdown.recv() => "the machine shuts down",
        }
    }
}

/// What asks for a successor: no signal does.
#[derive(Debug)]
pub(crate) struct UpgradeSignal;

impl UpgradeSignal {
    /// There is nothing to listen to.
    #[expect(clippy::unnecessary_wraps, reason = "other systems may refuse")]
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits for ever.
    pub(crate) async fn next(&mut self) {
        std::future::pending().await
    }
}
