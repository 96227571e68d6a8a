//! `frontgate status`: how a running frontgate is.

use http::Method;

use super::admin_client::{AdminClient, AdminTarget};
use super::failure::CommandFailure;
use super::output::print;
use super::run::runtime;

/// Which frontgate to ask.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  frontgate status | jq .reloads\n  frontgate status --ready")]
pub(super) struct StatusArgs {
    #[command(flatten)]
    target: AdminTarget,
    /// Only ask whether it takes clients, and fail if it does not, as while it drains: a readiness probe for where nothing but
    /// this program is at hand
    #[arg(long)]
    ready: bool,
}

pub(super) fn run(args: StatusArgs) -> Result<(), CommandFailure> {
    let client = AdminClient::new(args.target)?;
    let path = if args.ready { "/readyz" } else { "/status" };
    print(runtime()?.block_on(client.ask(Method::GET, path))?.done()?)
}
