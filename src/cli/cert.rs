//! `frontgate cert`: look at the certificate, hand out the local CA's.

mod connect;
mod export;
mod served;
mod show;

use clap::Subcommand;

use super::failure::CommandFailure;

/// The subcommands for certificates.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate cert show\n  frontgate cert export --format mobileconfig -o frontgate.mobileconfig"
)]
pub(super) struct CertArgs {
    #[command(subcommand)]
    command: CertCommand,
}

#[derive(Debug, Subcommand)]
enum CertCommand {
    /// Show names, issuer, dates, chain and fingerprint of the certificate that clients get; changes nothing
    Show(show::CertShowArgs),
    /// Write the local CA's certificate, for another device to trust; never a key
    Export(export::CertExportArgs),
}

pub(super) fn run(args: CertArgs) -> Result<(), CommandFailure> {
    match args.command {
        CertCommand::Show(args) => show::run(args),
        CertCommand::Export(args) => export::run(args),
    }
}
