//! `frontgate drain`: a running frontgate finishes what is under way and ends, or takes one endpoint out.

use std::time::Duration;

use http::Method;
use serde_json::Value;
use tokio::time::sleep;

use super::admin_client::{AdminClient, AdminTarget, AdminUnanswered};
use super::failure::CommandFailure;
use super::output::print;
use super::run::runtime;
use crate::config::{EndpointUrl, spread_time};
use crate::observe::percent_encoding::encoded;

/// What to drain, and which frontgate to ask.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate drain --wait\n  frontgate drain --endpoint http://10.0.0.4:18789 --over 5m\n  frontgate drain --resume http://10.0.0.4:18789"
)]
pub(super) struct DrainArgs {
    #[command(flatten)]
    target: AdminTarget,
    /// Come back when it has ended, or the endpoint has no WebSocket left
    #[arg(long, conflicts_with = "resume")]
    wait: bool,
    /// Take this endpoint out instead, or all that a dns+ or srv+ name stands for, until --resume: nothing new goes there, and its WebSockets end with 1012
    #[arg(long, value_name = "URL", value_parser = EndpointUrl::read)]
    endpoint: Option<EndpointUrl>,
    /// The time within which its WebSockets end, evenly, such as 5m [default: timeouts.drain]
    #[arg(long, value_name = "TIME", requires = "endpoint", value_parser = spread_time)]
    over: Option<Duration>,
    /// Bring this endpoint back
    #[arg(long, value_name = "URL", conflicts_with = "endpoint", value_parser = EndpointUrl::read)]
    resume: Option<EndpointUrl>,
}

pub(super) fn run(args: DrainArgs) -> Result<(), CommandFailure> {
    let DrainArgs { target, wait, endpoint, over, resume } = args;
    let client = AdminClient::new(target)?;
    let said = runtime()?.block_on(async {
        match (endpoint, resume) {
            (Some(endpoint), _) => drain_endpoint(&client, &endpoint.to_string(), over, wait).await,
            (None, Some(endpoint)) => {
                let path = format!("/drain?resume={}", encoded(&endpoint.to_string()));
                client.ask(Method::POST, &path).await?.done()
            }
            (None, None) => drain(&client, wait).await,
        }
    })?;
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

async fn drain_endpoint(
    client: &AdminClient,
    name: &str,
    over: Option<Duration>,
    wait: bool,
) -> Result<String, CommandFailure> {
    let over = over.map(|over| format!("&over={}ms", over.as_millis())).unwrap_or_default();
    let said = client.ask(Method::POST, &format!("/drain?endpoint={}{over}", encoded(name))).await?.done()?;
    if !wait {
        return Ok(said);
    }
    loop {
        let status = client.ask(Method::GET, "/status").await?.done()?;
        match websockets_at(&status, name) {
            Some(0) => return Ok("drained\n".to_owned()),
            Some(_) => sleep(ASK_EVERY).await,
            None => return Err(anyhow::anyhow!("{name} was brought back meanwhile").into()),
        }
    }
}

/// The process id in the text of `/status`.
pub(super) fn pid(status: &str) -> Option<u64> {
    serde_json::from_str::<Value>(status).ok()?["pid"].as_u64()
}

/// How many WebSockets a drained endpoint has left, in the text of `/status`; `None` if it is not drained.
fn websockets_at(status: &str, name: &str) -> Option<u64> {
    let status = serde_json::from_str::<Value>(status).ok()?;
    let all = status["drained_endpoints"].as_array()?;
    all.iter().find(|one| one["endpoint"] == name)?["websockets"].as_u64()
}

const ASK_EVERY: Duration = Duration::from_millis(100);
