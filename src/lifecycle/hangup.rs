//! [`HangupSignal`]: the signal that asks for a reload, or says that the terminal is gone.

use std::io;
use std::sync::Arc;
use std::thread;

use signal_hook::consts::SIGHUP;
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use signal_hook::iterator::{Handle, SignalsInfo};
use signal_hook::low_level::siginfo::Cause;
use tokio::sync::Notify;

/// Catches SIGHUP from its creation on; before that SIGHUP ends the process.
#[derive(Debug)]
pub(crate) struct HangupSignal {
    asked: Arc<Notify>,
    gone: TerminalGone,
    signals: Handle,
}

/// Resolves when the kernel has sent SIGHUP, because the terminal is gone. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct TerminalGone(Arc<Notify>);

impl HangupSignal {
    /// Begins to catch the signal, on a thread that does nothing else.
    ///
    /// # Errors
    /// The kernel refuses a handler or a thread.
    pub(crate) fn listen() -> io::Result<Self> {
        let mut signals = SignalsInfo::<WithOrigin>::new([SIGHUP])?;
        let (handle, asked, gone) = (signals.handle(), Arc::<Notify>::default(), TerminalGone::default());
        let (reload, end) = (Arc::clone(&asked), gone.clone());
        let follow = move || {
            for origin in &mut signals {
                // What a process sends always asks for a reload, whatever became of the terminal.
                if matches!(origin.cause, Cause::Kernel) { end.0.notify_one() } else { reload.notify_one() }
            }
        };
        thread::Builder::new().name("hangup".to_owned()).spawn(follow)?;
        Ok(Self { asked, gone, signals: handle })
    }

    /// Resolves when a process has sent the signal since the last call; several count as one.
    pub(crate) async fn next(&mut self) {
        self.asked.notified().await;
    }

    /// What says that the terminal is gone.
    pub(crate) fn terminal_gone(&self) -> TerminalGone {
        self.gone.clone()
    }
}

impl TerminalGone {
    /// Resolves when the terminal is gone.
    pub(crate) async fn wait(&self) {
        self.0.notified().await;
    }
}

impl Drop for HangupSignal {
    fn drop(&mut self) {
        self.signals.close();
    }
}
