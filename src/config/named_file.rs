//! The files that the configuration names: read whole, up to a size, and only if they are regular files.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// What a file holds that the configuration names: a certificate, a key.
///
/// # Errors
/// It cannot be read, is no regular file, or is too large to be one of those.
pub(crate) fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    regular(path)?.take(LARGEST_NAMED + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_NAMED {
        return Err(io::Error::other("larger than 4 MiB"));
    }
    Ok(bytes)
}

/// Opens nothing but a file: to open anything else may wait for ever, and to read it may change it.
pub(super) fn regular(path: &Path) -> io::Result<fs::File> {
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("no regular file")) }
}

/// Every public certificate authority together has half a megabyte.
const LARGEST_NAMED: u64 = 4 << 20;
