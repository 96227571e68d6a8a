//! An address that frontgate would listen on while it does not run: whether it can, and which process holds the port if
//! not.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::SocketAddr;

use crate::config::BindAddr;
use crate::listener::Listener;

/// An address that frontgate would listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) struct ProbedPort {
    /// The setting that names the address.
    pub(in crate::doctor) key: &'static str,
    pub(in crate::doctor) address: SocketAddr,
    /// Why frontgate cannot listen there; `None` if it can.
    pub(in crate::doctor) error: Option<PortError>,
    /// The process that listens there, if it can be seen.
    pub(in crate::doctor) holder: Option<PortHolder>,
}

/// Why an address cannot be listened on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doctor) enum PortError {
    /// Another process listens there.
    Taken,
    /// A port below 1024, without the right to it.
    Forbidden,
    /// This machine has no such address.
    NoAddress,
    /// The system refuses for another reason.
    Other,
}

/// The process that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) struct PortHolder {
    /// The id of the process.
    pub(in crate::doctor) pid: u32,
    /// The name of the process, as the kernel shows it.
    pub(in crate::doctor) name: String,
}

/// Tries `address` for a moment.
pub(in crate::doctor) fn look(key: &'static str, address: SocketAddr) -> ProbedPort {
    let error = Listener::bind(&BindAddr::Tcp(address)).err().map(|error| match error.kind() {
        io::ErrorKind::AddrInUse => PortError::Taken,
        io::ErrorKind::PermissionDenied => PortError::Forbidden,
        io::ErrorKind::AddrNotAvailable => PortError::NoAddress,
        _ => PortError::Other,
    });
    let holder = if error == Some(PortError::Taken) { holder(address.port()) } else { None };
    ProbedPort { key, address, error, holder }
}

/// The process that listens on `port`. Other users' processes are only seen by root.
fn holder(port: u16) -> Option<PortHolder> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
    let sockets: BTreeSet<String> = tables.iter().flat_map(|table| listening(table, port)).collect();
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(files) = fs::read_dir(process.path().join("fd")) else { continue };
        let mut links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
        if links.any(|link| link.to_str().is_some_and(|link| sockets.contains(link))) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default().trim().to_owned();
            return Some(PortHolder { pid, name });
        }
    }
    None
}

/// The listening sockets on `port` in a table of the kernel's (proc(5), `/proc/net/tcp`), as links to them are called.
fn listening(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let socket = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let (_, hex) = fields.get(1)?.rsplit_once(':')?;
        let ours = u16::from_str_radix(hex, 16) == Ok(port) && fields.get(3) == Some(&LISTEN);
        ours.then(|| fields.get(9).map(|inode| format!("socket:[{inode}]")))?
    };
    table.lines().filter_map(socket).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_sockets_are_found_in_the_kernels_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
                        0: 0100007F:20FB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1234 1 0 100 0 0 10 0\n\
                        1: 0100007F:20FB 0100007F:ABCD 01 00000000:00000000 00:00000000 00000000     0        0 99 1 0 100 0 0 10 0\n\
                        2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5 1 0 100 0 0 10 0\n";
        assert_eq!(listening(table, 8443), ["socket:[1234]"]);
        assert_eq!(listening(table, 22), ["socket:[5]"]);
        assert!(listening(table, 443).is_empty() && listening("", 443).is_empty());
    }

    #[tokio::test]
    async fn the_process_that_listens_is_named() {
        let taken = Listener::bind(&BindAddr::Tcp("127.0.0.1:0".parse().unwrap())).unwrap();
        let port = look("listen.https", taken.address().unwrap());
        assert_eq!(port.error, Some(PortError::Taken));
        if cfg!(target_os = "linux") {
            assert_eq!(port.holder.map(|holder| holder.pid), Some(std::process::id()));
        }
        assert_eq!(look("listen.https", "192.0.2.7:0".parse().unwrap()).error, Some(PortError::NoAddress));
        assert_eq!(look("listen.https", "127.0.0.1:0".parse().unwrap()).error, None);
    }
}
