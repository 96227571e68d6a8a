//! `frontgate openclaw`: what concerns frontgate and an OpenClaw gateway together.

mod accepted;
mod args;
mod changes;
mod setup;
mod wanted;

use clap::Subcommand;

use super::failure::CommandFailure;

/// The subcommands for an OpenClaw gateway.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  frontgate openclaw setup --domain gw.example.com")]
pub(super) struct OpenClawArgs {
    #[command(subcommand)]
    command: OpenClawCommand,
}

#[derive(Debug, Subcommand)]
enum OpenClawCommand {
    /// Write the config for one domain, and with consent the gateway's settings: Control UI, MCP Apps, portals, base path, TLS
    Setup(args::SetupArgs),
}

pub(super) fn run(args: OpenClawArgs) -> Result<(), CommandFailure> {
    match args.command {
        OpenClawCommand::Setup(args) => setup::run(&args),
    }
}
