//! The `frontgate` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    frontgate::cli::run(std::env::args_os())
}
