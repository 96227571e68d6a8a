//! Printing to standard output.

use std::io::{self, Write};

use super::failure::CommandFailure;

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
