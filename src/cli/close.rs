//! `frontgate close`: ends one WebSocket, or all of a user.

use http::Method;

use super::admin_client::{AdminClient, AdminTarget, encoded};
use super::failure::CommandFailure;
use super::output::print;
use super::run::runtime;

/// Which WebSockets to end, and which frontgate to ask.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate close 7q2hkx0v9c4m --reason 'see you after the move'\n  frontgate close --user ann@example.com"
)]
pub(super) struct CloseArgs {
    /// The id that `frontgate connections` shows; the log and X-Request-Id have it, too
    #[arg(value_name = "ID", required_unless_present = "user")]
    id: Option<String>,
    /// All WebSockets of this user instead
    #[arg(long, value_name = "USER", conflicts_with = "id")]
    user: Option<String>,
    /// What its client reads, up to 123 bytes
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    target: AdminTarget,
}

pub(super) fn run(args: CloseArgs) -> Result<(), CommandFailure> {
    let client = AdminClient::new(args.target)?;
    let reason = encoded(&args.reason);
    let path = match (&args.id, &args.user) {
        (_, Some(user)) => format!("/connections?user={}&reason={reason}", encoded(user)),
        (id, None) => format!("/connections/{}?reason={reason}", encoded(id.as_deref().unwrap_or_default())),
    };
    print(runtime()?.block_on(client.ask(Method::DELETE, &path))?.done()?)
}
