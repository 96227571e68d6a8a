//! Unix sockets that clients connect to, and their permissions.

#[cfg_attr(target_os = "linux", path = "unix_socket/by_handle.rs")]
#[cfg_attr(not(target_os = "linux"), path = "unix_socket/by_path.rs")]
mod file;

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;

use file::SocketFile;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::config::UnixAccess;
use crate::io::UnixListener;

/// Binds the socket at `path`, which keeps as many as `backlog` connections for us. A file that no process listens on
/// any more is replaced.
///
/// Until it listens, the socket refuses every connection, so its file has its permissions before any client can
/// connect.
///
/// # Errors
/// If it cannot be bound.
pub(super) fn bind(path: &Path, access: &UnixAccess, backlog: i32) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let address = SockAddr::unix(path)?;
    match socket.bind(&address) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(path) => {
            fs::remove_file(path)?;
            socket.bind(&address)?;
        }
        bound => bound?,
    }
    if let Err(error) = permit(path, access).and_then(|()| socket.listen(backlog)) {
        // Where the file cannot be removed, the next start takes it for abandoned.
        let _ = fs::remove_file(path);
        return Err(error);
    }
    listener(socket)
}

/// A listener of a socket that listens already.
///
/// # Errors
/// If the kernel can watch no more sockets.
pub(super) fn listener(socket: Socket) -> io::Result<UnixListener> {
    UnixListener::from_std(OwnedFd::from(socket).into())
}

/// Gives the socket at `path` the permissions and the group that `access` has.
///
/// # Errors
/// If there is no such group, or the system refuses.
pub(crate) fn permit(path: &Path, access: &UnixAccess) -> io::Result<()> {
    let group = access.group.as_deref().map(group_id).transpose()?;
    // A process that may write to the folder could put a link to another file in its place.
    let file = SocketFile::find(path)?;
    if let Some(id) = group {
        file.give_to_group(id).map_err(|error| {
            let name = access.group.as_deref().unwrap_or_default();
            io::Error::other(format!("cannot give it to the group {name}: {error}; frontgate must be in that group"))
        })?;
    }
    file.set_mode(access.mode.unwrap_or(USUAL))
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

fn is_abandoned(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    is_socket && StdUnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// The user and the group that frontgate runs as.
const USUAL: u32 = 0o660;
