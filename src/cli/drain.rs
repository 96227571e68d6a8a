//! `frontgate drain`: a running frontgate finishes what is under way, and ends.

use std::time::Duration;

use http::Method;
use serde_json::Value;
use tokio::time::sleep;

use super::admin_client::{AdminClient, AdminTarget, AdminUnanswered};
use super::failure::CommandFailure;
use super::output::print;
use super::run::runtime;

/// Which frontgate to ask.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  frontgate drain --wait")]
pub(super) struct DrainArgs {
    #[command(flatten)]
    target: AdminTarget,
    /// Come back when it has ended
    #[arg(long)]
    wait: bool,
}

pub(super) fn run(args: DrainArgs) -> Result<(), CommandFailure> {
    let client = AdminClient::new(args.target)?;
    let said = runtime()?.block_on(drain(&client, args.wait))?;
    print(said)
}

async fn drain(client: &AdminClient, wait: bool) -> Result<String, CommandFailure> {
    let before = pid(&client.ask(Method::GET, "/status").await?.done()?);
    let said = client.ask(Method::POST, "/drain").await?.done()?;
    if !wait {
        return Ok(said);
    }
    loop {
        match client.ask(Method::GET, "/status").await {
            Err(AdminUnanswered::NotRunning(_)) => break,
            // Another process serves at this address.
            Ok(answer) if pid(&answer.text) != before => break,
            // The process may have ended during the request.
            Ok(_) | Err(AdminUnanswered::Lost(..)) => sleep(ASK_EVERY).await,
        }
    }
    Ok("drained\n".to_owned())
}

/// The process id in the text of `/status`.
pub(super) fn pid(status: &str) -> Option<u64> {
    serde_json::from_str::<Value>(status).ok()?["pid"].as_u64()
}

const ASK_EVERY: Duration = Duration::from_millis(100);
