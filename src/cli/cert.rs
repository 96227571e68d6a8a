//! `frontgate cert`: look at the certificate, hand out the local CA's.

mod connect;
mod export;
mod served;
mod show;

use clap::Subcommand;

use super::failure::Failure;

/// What to do with certificates.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate cert show\n  frontgate cert export --format mobileconfig -o frontgate.mobileconfig"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show names, issuer, dates, chain and fingerprint of the certificate that clients get; changes nothing
    Show(show::Args),
    /// Write the local CA's certificate, for another device to trust; never a key
    Export(export::Args),
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Show(args) => show::run(args),
        Command::Export(args) => export::run(args),
    }
}
