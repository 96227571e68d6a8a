//! Modes, owners and other properties of files.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::Path;

use rustix::fs::OFlags;

/// `mode` for what is made.
pub(crate) use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

/// What owner, group and others may do with a file.
#[expect(clippy::unnecessary_wraps, reason = "Windows has no modes")]
pub(crate) fn mode(found: &Metadata) -> Option<u32> {
    Some(found.permissions().mode())
}

/// Sets the mode of the file at `path`.
///
/// # Errors
/// The system's error.
pub(crate) fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Sets the mode of an open file.
///
/// # Errors
/// The system's error.
pub(crate) fn set_mode_of(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(mode))
}

/// Gives `file` the owner, the group and the mode of `model`.
///
/// # Errors
/// The system's error.
pub(crate) fn make_like(file: &File, model: &Metadata) -> io::Result<()> {
    let ours = file.metadata()?;
    if (ours.uid(), ours.gid()) != (model.uid(), model.gid()) {
        fchown(file, Some(model.uid()), Some(model.gid()))?;
    }
    // After the owner: a change of owner may clear bits of the mode.
    file.set_permissions(Permissions::from_mode(model.permissions().mode()))
}

/// How many names a file has.
pub(crate) fn names(found: &Metadata) -> u64 {
    found.nlink()
}

/// Whether it is a program.
pub(crate) fn is_program(found: &Metadata) -> bool {
    found.is_file() && found.permissions().mode() & 0o111 != 0
}

/// Opens what is at `path` for reading, without waiting: a pipe would have to be written to first.
///
/// # Errors
/// The system's error.
pub(crate) fn open_without_waiting(path: &Path) -> io::Result<File> {
    open_with(path, OFlags::NONBLOCK)
}

/// The same, and follows no link at the end of the path.
///
/// # Errors
/// The system's error.
pub(crate) fn open_unless_link(path: &Path) -> io::Result<File> {
    open_with(path, OFlags::NONBLOCK | OFlags::NOFOLLOW)
}

/// Waits until a change of names in `folder` is on disk.
///
/// # Errors
/// The system's error.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Standard output as a file of its own.
///
/// # Errors
/// The process has no descriptor left.
pub(crate) fn stdout() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

fn open_with(path: &Path, flags: OFlags) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}
