//! `frontgate upgrade`: another version takes over from a running frontgate.

use http::Method;

use super::admin_client::{AdminClient, AdminTarget, AdminUnanswered};
use super::drain::pid;
use super::failure::CommandFailure;
use super::output::print;
use super::run::runtime;

/// Which frontgate to ask.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  frontgate upgrade\n\nReplace the file that frontgate was started from first. Exit code 0 when the \
                        new process serves, 1 with the reason when it does not; then the old one goes on."
)]
pub(super) struct UpgradeArgs {
    #[command(flatten)]
    target: AdminTarget,
}

pub(super) fn run(args: UpgradeArgs) -> Result<(), CommandFailure> {
    let client = AdminClient::new(args.target)?;
    print(runtime()?.block_on(upgrade(&client))?)
}

async fn upgrade(client: &AdminClient) -> Result<String, CommandFailure> {
    let before = pid(&client.ask(Method::GET, "/status").await?.done()?);
    match client.ask(Method::POST, "/upgrade").await {
        // A process without clients may end before it can answer that a successor has taken over; that successor's
        // status shows it.
        Err(lost @ AdminUnanswered::Lost(..)) => match pid(&client.ask(Method::GET, "/status").await?.done()?) {
            Some(pid) if before != Some(pid) => Ok(format!("process {pid} has taken over\n")),
            _ => Err(lost.into()),
        },
        answer => answer?.done(),
    }
}
