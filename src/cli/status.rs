//! `frontgate status`: how a running frontgate is.

use http::Method;

use super::admin_client::{AdminClient, Target};
use super::failure::Failure;
use super::output::print;
use super::run::runtime;

/// Whom to ask.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  frontgate status | jq .reloads")]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let client = AdminClient::new(args.target)?;
    print(runtime()?.block_on(client.ask(Method::GET, "/status"))?.done()?)
}
