//! [`SocketFile`] on Linux: it is opened once, and stays the same file whatever happens to its path.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, chownat, fstat, open};

/// The file of a unix socket.
pub(super) struct SocketFile(OwnedFd);

impl SocketFile {
    /// # Errors
    /// The path leads to something else, or nowhere.
    pub(super) fn find(path: &Path) -> io::Result<Self> {
        let file = open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::Socket {
            return Err(io::Error::other("its file is no socket any more"));
        }
        Ok(Self(file))
    }

    pub(super) fn give_to_group(&self, id: u32) -> io::Result<()> {
        Ok(chownat(&self.0, "", None, Some(Gid::from_raw(id)), AtFlags::EMPTY_PATH)?)
    }

    pub(super) fn set_mode(&self, mode: u32) -> io::Result<()> {
        // There is no chmod for a file that was opened without reading or writing, except through its name in /proc.
        let opened = format!("/proc/self/fd/{}", self.0.as_raw_fd());
        fs::set_permissions(opened, PermissionsExt::from_mode(mode))
    }
}
