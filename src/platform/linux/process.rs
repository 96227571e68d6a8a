//! Numbers that the kernel keeps about this process.

use std::fs;
use std::time::Duration;

/// How many files are open; `None` where the kernel does not say.
pub(crate) fn open_files() -> Option<usize> {
    // The descriptor of the listed folder is open itself.
    Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1))
}

/// How much CPU time the process has taken, in all its threads.
pub(crate) fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Bytes of memory in use.
pub(crate) fn memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?;
    Some(kib.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_opened_counts_and_memory_is_used() {
        assert!(open_files().unwrap() >= 3);
        assert!(cpu() > Duration::ZERO);
        assert!((1 << 20..1 << 40).contains(&memory().unwrap()));
    }
}
