//! [`SocketFile`] where a socket's file cannot be opened: each step finds it by its path, and none follows a link.

use std::io;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, RawMode, chmodat, chownat, statat};

/// The file of a unix socket.
pub(super) struct SocketFile<'a>(&'a Path);

impl<'a> SocketFile<'a> {
    /// # Errors
    /// The path leads to something else, or nowhere.
    pub(super) fn find(path: &'a Path) -> io::Result<Self> {
        if FileType::from_raw_mode(statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW)?.st_mode) != FileType::Socket {
            return Err(io::Error::other("its file is no socket any more"));
        }
        Ok(Self(path))
    }

    pub(super) fn give_to_group(&self, id: u32) -> io::Result<()> {
        Ok(chownat(CWD, self.0, None, Some(Gid::from_raw(id)), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    pub(super) fn set_mode(&self, mode: u32) -> io::Result<()> {
        let mode = RawMode::try_from(mode).map_err(io::Error::other)?;
        Ok(chmodat(CWD, self.0, Mode::from_raw_mode(mode), AtFlags::SYMLINK_NOFOLLOW)?)
    }
}
