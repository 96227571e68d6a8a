//! `frontgate demo`: the proxy in front of a small built-in gateway page.

use super::failure::Failure;

/// The demo takes no options.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  frontgate demo")]
pub(super) struct Args {}

pub(super) fn run(_args: Args) -> Result<(), Failure> {
    Err(anyhow::anyhow!("demo is not available yet").into())
}
