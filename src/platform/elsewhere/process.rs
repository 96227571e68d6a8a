//! Numbers that the system keeps about this process.

use std::fs;
use std::time::Duration;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// How many files are open; `None` where the system does not say.
pub(crate) fn open_files() -> Option<usize> {
    // The descriptor of the listed folder is open itself.
    Some(fs::read_dir("/dev/fd").ok()?.count().saturating_sub(1))
}

/// How much CPU time the process has taken, in all its threads.
pub(crate) fn cpu() -> Duration {
    let of_process = look(ProcessRefreshKind::nothing().with_cpu(), sysinfo::Process::accumulated_cpu_time);
    Duration::from_millis(of_process.unwrap_or_default())
}

/// Bytes of memory in use.
pub(crate) fn memory() -> Option<u64> {
    look(ProcessRefreshKind::nothing().with_memory(), sysinfo::Process::memory)
}

fn look(kind: ProcessRefreshKind, number: impl Fn(&sysinfo::Process) -> u64) -> Option<u64> {
    let (own, mut system) = (Pid::from_u32(std::process::id()), System::new().ok()?);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), false, kind);
    system.process(own).map(number)
}
