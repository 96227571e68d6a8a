//! The kernel's limit of open files, which is a limit of connections.

use crate::platform::open_files;

/// Raises the soft limit to the hard one and returns it; `None` is unlimited.
pub(crate) fn raise() -> Option<u64> {
    if let Err(error) = open_files::raise() {
        tracing::warn!(%error, limit = open_files::most(), "the open-file limit cannot be raised");
    }
    open_files::most()
}

/// How many client connections, each with a connection to a gateway beside it, so many open files carry. Without a
/// limit of files it is `UNLIMITED`.
pub(crate) fn carried(files: Option<u64>, cores: usize) -> usize {
    let reserve = RESERVED.max(LEAST_RESERVED + FILES_PER_CORE * cores as u64);
    files.map_or(UNLIMITED, |files| {
        usize::try_from(files.saturating_sub(reserve) / SOCKETS_PER_CLIENT).unwrap_or(UNLIMITED).clamp(1, UNLIMITED)
    })
}

/// Files that are not for clients: listeners and one client in front of each, the admin listener's connections (32),
/// idle connections to gateways (128), questions about their readiness, name resolution, and files of state.
const RESERVED: u64 = 256;
const LEAST_RESERVED: u64 = 224;
/// A runtime has an epoll instance and a few files beside it.
const FILES_PER_CORE: u64 = 4;
const SOCKETS_PER_CLIENT: u64 = 2;
/// Stands for "no limit": more sockets than a machine has ports for.
const UNLIMITED: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_stay_below_what_the_open_files_carry() {
        let rows = [
            (Some(20_000), 2, 9872),
            (Some(20_000), 64, 9760),
            (Some(300), 2, 22),
            (Some(100), 2, 1),
            (None, 2, UNLIMITED),
        ];
        for (files, cores, expected) in rows {
            assert_eq!(carried(files, cores), expected, "{files:?} {cores}");
        }
    }
}
