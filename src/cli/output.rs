//! Printing to standard output.

use std::io::{self, Write};

use super::failure::CommandFailure;
use super::painted::painted;
use crate::observe::Paint;

/// Writes a report for people to standard output, in colours on a terminal.
pub(super) fn show(text: &str) -> Result<(), CommandFailure> {
    print(painted(text, Paint::of(&io::stdout())))
}

/// Writes `bytes` to standard output. A reader that has seen enough (`| head`) is no failure.
pub(super) fn print(bytes: impl AsRef<[u8]>) -> Result<(), CommandFailure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes.as_ref()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CommandFailure::Failed(anyhow::Error::new(error).context("cannot write to standard output")))
        }
        _ => Ok(()),
    }
}
