//! `frontgate status`: how a running frontgate is.

use http::Method;

use super::admin_client::{AdminClient, AdminTarget};
use super::failure::CommandFailure;
use super::output::{print, show};
use super::run::runtime;
use super::status_text::for_people;
use super::watch;

/// Which frontgate to ask.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate status --watch\n  frontgate status --json | jq .reloads\n  frontgate status --ready"
)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    target: AdminTarget,
    /// As JSON, with all there is to say
    #[arg(long, conflicts_with = "watch")]
    json: bool,
    /// Keep looking, until q is pressed
    #[arg(long)]
    watch: bool,
    /// Only ask whether it takes clients, and fail if it does not, as while it drains: a readiness probe for where nothing but
    /// this program is at hand
    #[arg(long, conflicts_with_all = ["json", "watch"])]
    ready: bool,
}

pub(super) fn run(args: StatusArgs) -> Result<(), CommandFailure> {
    let client = AdminClient::new(args.target)?;
    if args.watch {
        return watch::status(&client);
    }
    let path = if args.ready { "/readyz" } else { "/status" };
    let said = runtime()?.block_on(client.ask(Method::GET, path))?.done()?;
    if args.ready || args.json { print(said) } else { show(&for_people(&said)) }
}
