//! What processes took of the machine, as the kernel counts it.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, ensure};

/// Nanoseconds that all threads of these processes have run. Wall time on a machine with other work says nothing; this
/// does not count the time that a thread waits for its processor.
pub(crate) fn cpu(pids: &[u32]) -> anyhow::Result<u64> {
    let mut sum = 0;
    for pid in pids {
        for thread in fs::read_dir(format!("/proc/{pid}/task")).context("the proxy is gone")? {
            let text = fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
            sum += text.split(' ').next().and_then(|ran| ran.parse::<u64>().ok()).unwrap_or_default();
        }
    }
    ensure!(pids.is_empty() || sum > 0, "this kernel does not count run time (/proc/PID/schedstat)");
    Ok(sum)
}

/// Asks a process to read its configuration again.
pub(crate) fn hang_up(pid: u32) -> anyhow::Result<()> {
    let done = Command::new("kill").args(["-HUP", &pid.to_string()]).status()?;
    ensure!(done.success(), "the proxy is gone");
    Ok(())
}

/// KiB of user memory: pages that processes share are counted in shares.
pub(crate) fn pss(pids: &[u32]) -> anyhow::Result<u64> {
    pids.iter().map(|pid| kib(&format!("/proc/{pid}/smaps_rollup"), "Pss:")).sum()
}

/// KiB of memory that the kernel itself uses, on the whole machine.
pub(crate) fn slab() -> anyhow::Result<u64> {
    kib("/proc/meminfo", "Slab:")
}

fn kib(path: &str, field: &str) -> anyhow::Result<u64> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let line =
        text.lines().find_map(|line| line.strip_prefix(field)).with_context(|| format!("no {field} in {path}"))?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
