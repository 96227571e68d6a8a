//! The files that the configuration names: read whole, up to a size, and only if they are regular files.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use crate::platform::files;

/// The contents of a file that the configuration names: a certificate, a key.
///
/// # Errors
/// The file cannot be read, is no regular file, or is too large for a certificate or key.
pub(crate) fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    regular(path)?.take(LARGEST_NAMED + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_NAMED {
        return Err(io::Error::other("larger than 4 MiB"));
    }
    Ok(bytes)
}

/// Opens regular files only: opening another kind may wait for ever, and reading it may change it.
pub(super) fn regular(path: &Path) -> io::Result<fs::File> {
    let file = files::open_without_waiting(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("no regular file")) }
}

/// Bytes. All public certificate authorities together have half a megabyte.
const LARGEST_NAMED: u64 = 4 << 20;
