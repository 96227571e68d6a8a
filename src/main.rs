//! The `frontgate` command.

use std::process::ExitCode;

/// Gives back to the system what was freed: glibc's keeps nearly all that a load has taken.
#[cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    frontgate::cli::run(std::env::args_os())
}
