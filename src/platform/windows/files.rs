//! Modes, owners and other properties of files. Windows has access lists instead, which a file takes from its folder; those of a
//! user's own folders let in that user and administrators alone.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::windows::io::AsHandle as _;
use std::path::Path;

/// `mode` for a file that is made; it says nothing here.
pub(crate) trait OpenOptionsExt {
    fn mode(&mut self, mode: u32) -> &mut Self;
}

impl OpenOptionsExt for OpenOptions {
    fn mode(&mut self, _: u32) -> &mut Self {
        self
    }
}

/// `mode` for a folder that is made; it says nothing here.
pub(crate) trait DirBuilderExt {
    fn mode(&mut self, mode: u32) -> &mut Self;
}

impl DirBuilderExt for DirBuilder {
    fn mode(&mut self, _: u32) -> &mut Self {
        self
    }
}

/// There are no modes.
pub(crate) fn mode(_: &Metadata) -> Option<u32> {
    None
}

/// There are no modes.
#[expect(clippy::unnecessary_wraps, reason = "other systems have them")]
pub(crate) fn set_mode(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

/// There are no modes.
#[expect(clippy::unnecessary_wraps, reason = "other systems have them")]
pub(crate) fn set_mode_of(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

/// The folder decides.
#[expect(clippy::unnecessary_wraps, reason = "other systems have owners")]
pub(crate) fn make_like(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// How many names a file has; the standard library does not tell.
pub(crate) fn names(_: &Metadata) -> u64 {
    1
}

/// Whether it is a program; its name says so.
pub(crate) fn is_program(found: &Metadata) -> bool {
    found.is_file()
}

/// Opens what is at `path` for reading. Pipes are not among files.
///
/// # Errors
/// The system's error.
pub(crate) fn open_without_waiting(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// The same, and refuses a link at the end of the path.
///
/// # Errors
/// The system's error, or that it is a link.
pub(crate) fn open_unless_link(path: &Path) -> io::Result<File> {
    if path.symlink_metadata()?.is_symlink() {
        return Err(io::Error::other("a symbolic link"));
    }
    File::open(path)
}

/// Folders cannot be opened; the file system keeps a log of renames.
#[expect(clippy::unnecessary_wraps, reason = "other systems wait")]
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Standard output as a file of its own.
///
/// # Errors
/// The process can have no more handles.
pub(crate) fn stdout() -> io::Result<File> {
    Ok(File::from(io::stdout().as_handle().try_clone_to_owned()?))
}
