//! The machine that the process runs on.

/// Its name on the network.
pub(crate) fn name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Bytes of its memory.
pub(crate) fn memory() -> u64 {
    let info = rustix::system::sysinfo();
    info.totalram.saturating_mul(u64::from(info.mem_unit.max(1)))
}

/// Whether the process may change the system's files.
pub(crate) fn is_superuser() -> bool {
    rustix::process::geteuid().is_root()
}
