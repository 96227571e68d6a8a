//! [`permit()`]: the permissions of a unix socket.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, chownat, fstat, open};

use crate::config::UnixAccess;

/// Gives the socket at `path` the permissions and the group that `access` has.
///
/// # Errors
/// If there is no such group, or the system refuses.
pub(crate) fn permit(path: &Path, access: &UnixAccess) -> io::Result<()> {
    let group = access.group.as_deref().map(group_id).transpose()?;
    // A process that may write to the folder could put a link to another file in its place.
    let file = open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::Socket {
        return Err(io::Error::other("its file is no socket any more"));
    }
    if let Some(id) = group {
        chownat(&file, "", None, Some(Gid::from_raw(id)), AtFlags::EMPTY_PATH).map_err(|error| {
            let name = access.group.as_deref().unwrap_or_default();
            io::Error::other(format!("cannot give it to the group {name}: {error}; frontgate must be in that group"))
        })?;
    }
    // There is no chmod for a file that was opened without reading or writing, except through its name in /proc.
    let opened = format!("/proc/self/fd/{}", file.as_raw_fd());
    fs::set_permissions(opened, PermissionsExt::from_mode(access.mode.unwrap_or(USUAL)))
}

/// The id of a group that is given by number, or by name from /etc/group: other sources of groups may be a network away.
///
/// # Errors
/// If there is no such group.
pub(crate) fn group_id(group: &str) -> io::Result<u32> {
    if let Ok(id) = group.parse() {
        return Ok(id);
    }
    let all = fs::read_to_string("/etc/group")?;
    let id = all.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(group)).then(|| fields.nth(1)?.parse().ok()).flatten()
    });
    id.ok_or_else(|| io::Error::other(format!("there is no group {group} in /etc/group")))
}

/// The user and the group that frontgate runs as.
const USUAL: u32 = 0o660;
