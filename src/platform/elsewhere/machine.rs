//! The machine that the process runs on.

use sysinfo::System;

/// Its name on the network.
pub(crate) fn name() -> String {
    System::host_name().unwrap_or_else(|_| "localhost".to_owned())
}

/// Bytes of its memory; the least that such machines have where the system does not say.
pub(crate) fn memory() -> u64 {
    System::new().map_or(LEAST_MEMORY, |mut system| {
        system.refresh_memory();
        system.total_memory()
    })
}

/// Whether the process may change the system's files.
#[cfg(unix)]
pub(crate) fn is_superuser() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether the process may change the system's files: not taken for granted.
#[cfg(not(unix))]
pub(crate) fn is_superuser() -> bool {
    false
}

const LEAST_MEMORY: u64 = 4 << 30;
