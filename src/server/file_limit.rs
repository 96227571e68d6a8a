//! The kernel's limit of open files, which is a limit of connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Connections;

/// Raises the soft limit to the hard one and returns it; `None` is unlimited.
pub fn raise() -> Option<u64> {
    let before = getrlimit(Resource::Nofile);
    if before.current != before.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: before.maximum, maximum: before.maximum })
    {
        tracing::warn!(%error, limit = before.current, "the open-file limit cannot be raised");
        return before.current;
    }
    before.maximum
}

/// How many clients there may be at once: each may need a socket to the gateway too, and some files are needed besides.
pub fn most_connections(wanted: Connections, files: Option<u64>) -> usize {
    let carried = carried(files);
    match wanted {
        Connections::Auto => carried,
        Connections::AtMost(most) => {
            if most > carried {
                tracing::warn!(
                    limits.connections = most,
                    carried,
                    "the open-file limit carries fewer connections; raise it (systemd: LimitNOFILE=, containers: --ulimit nofile=)"
                );
            }
            most.min(carried)
        }
    }
}

/// How many clients so many open files carry; `None` is unlimited.
pub fn carried(files: Option<u64>) -> usize {
    files.map_or(UNLIMITED, |files| {
        usize::try_from(files.saturating_sub(RESERVED) / SOCKETS_PER_CLIENT).unwrap_or(UNLIMITED).clamp(1, UNLIMITED)
    })
}

/// Listeners, the admin's connections, idle connections to the gateway, files of state.
const RESERVED: u64 = 256;
const SOCKETS_PER_CLIENT: u64 = 2;
/// What stands for "no limit": more sockets than a machine has ports for.
const UNLIMITED: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_stay_below_what_the_open_files_carry() {
        let rows = [
            (Connections::Auto, Some(20_000), 9872),
            (Connections::Auto, Some(100), 1),
            (Connections::Auto, None, UNLIMITED),
            (Connections::AtMost(100), Some(20_000), 100),
            (Connections::AtMost(50_000), Some(20_000), 9872),
            (Connections::AtMost(50_000), None, 50_000),
        ];
        for (wanted, files, expected) in rows {
            assert_eq!(most_connections(wanted, files), expected, "{wanted:?} of {files:?}");
        }
    }
}
