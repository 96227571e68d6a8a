//! [`CommandFailure`]: why a command ends with something other than 0.

use std::io::Write;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::app::{UnfitSuccessor, UnusableConfig};
use crate::config::Problems;
use crate::observe::Paint;

use super::painted::painted;

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(super) enum CommandFailure {
    /// The configuration or the command line is wrong: exit code 2.
    Wrong(String),
    /// The command failed while running: exit code 1.
    Failed(anyhow::Error),
    /// The subject of the command is in a bad state, and the command has printed that: exit code 1.
    Told,
}

impl CommandFailure {
    /// The failure of a command line that is wrong.
    pub(super) fn wrong(message: impl Into<String>) -> Self {
        Self::Wrong(format!("error: {}", message.into()))
    }

    /// Prints the message, waits for that no longer than `patience`, and gives the exit code.
    pub(super) fn report(&self, patience: Option<Duration>) -> ExitCode {
        let (message, code) = match self {
            Self::Wrong(message) => (message.clone(), 2),
            Self::Failed(error) => (format!("error: {error:#}"), 1),
            Self::Told => return ExitCode::from(1),
        };
        // If standard error cannot be written, no output is left to report it on.
        let message = painted(&message, Paint::of(&std::io::stderr()));
        let write = move || drop(writeln!(std::io::stderr(), "{message}"));
        match patience {
            None => write(),
            Some(patience) => {
                let (written, wait) = mpsc::channel();
                let write = move || {
                    write();
                    drop(written);
                };
                if thread::Builder::new().spawn(write).is_ok() {
                    // The sender is dropped when the message is written.
                    let _: Result<(), _> = wait.recv_timeout(patience);
                }
            }
        }
        ExitCode::from(code)
    }
}

impl From<Problems> for CommandFailure {
    fn from(problems: Problems) -> Self {
        Self::Wrong(problems.to_string())
    }
}

impl From<UnusableConfig> for CommandFailure {
    fn from(unusable: UnusableConfig) -> Self {
        match unusable {
            UnusableConfig::Setting(problems) => problems.into(),
            UnusableConfig::Certificate(error) => Self::Failed(error.into()),
        }
    }
}

impl From<UnfitSuccessor> for CommandFailure {
    fn from(unfit: UnfitSuccessor) -> Self {
        match unfit {
            UnfitSuccessor::Wrong(problems) => problems.into(),
            unfit => Self::Failed(unfit.into()),
        }
    }
}

impl From<anyhow::Error> for CommandFailure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}
