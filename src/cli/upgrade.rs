//! `frontgate upgrade`: another version takes over from a running frontgate.

use http::Method;

use super::admin_client::{AdminClient, NoAnswer, Target};
use super::drain::pid;
use super::failure::Failure;
use super::output::print;
use super::run::runtime;

/// Whom to ask.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  frontgate upgrade\n\nReplace the file that frontgate was started from first. Exit code 0 when the \
                        new process serves, 1 with the reason when it does not; then the old one goes on."
)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let client = AdminClient::new(args.target)?;
    print(runtime()?.block_on(upgrade(&client))?)
}

async fn upgrade(client: &AdminClient) -> Result<String, Failure> {
    let before = pid(&client.ask(Method::GET, "/status").await?.done()?);
    match client.ask(Method::POST, "/upgrade").await {
        // A process without clients is gone before it can say that another has taken over, and that one knows.
        Err(lost @ NoAnswer::Lost(..)) => match pid(&client.ask(Method::GET, "/status").await?.done()?) {
            Some(pid) if before != Some(pid) => Ok(format!("process {pid} has taken over\n")),
            _ => Err(lost.into()),
        },
        answer => answer?.done(),
    }
}
