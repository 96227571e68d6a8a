//! `frontgate reload`: a running frontgate takes its changed configuration over.

use http::Method;

use super::admin_client::{AdminClient, AdminTarget};
use super::failure::CommandFailure;
use super::output::print;
use super::run::runtime;

/// Which frontgate to ask.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  frontgate reload\n\nExit code 0 when the new config is in use, 1 with the reason when it \
                        is refused; then nothing has changed."
)]
pub(super) struct ReloadArgs {
    #[command(flatten)]
    target: AdminTarget,
}

pub(super) fn run(args: ReloadArgs) -> Result<(), CommandFailure> {
    let client = AdminClient::new(args.target)?;
    print(runtime()?.block_on(client.ask(Method::POST, "/reload"))?.done()?)
}
