//! `frontgate close`: ends one WebSocket, or all of a user.

use std::time::Duration;

use http::Method;

use super::admin_client::{AdminClient, AdminTarget};
use super::failure::CommandFailure;
use super::output::print;
use super::run::runtime;
use crate::config::spread_time;
use crate::observe::percent_encoding::encoded;

/// Which WebSockets to end, and which frontgate to ask.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate close 7q2hkx0v9c4m --reason 'see you after the move'\n  frontgate close --user ann@example.com --for 10m"
)]
pub(super) struct CloseArgs {
    /// The id that `frontgate connections` shows; the log and X-Request-Id have it, too
    #[arg(value_name = "ID", required_unless_present = "user")]
    id: Option<String>,
    /// All WebSockets of this user instead
    #[arg(long, value_name = "USER", conflicts_with = "id")]
    user: Option<String>,
    /// How long the client may open no other WebSocket, such as 10m, at most 24h; it is known by its user, else by its network. 0s ends that
    #[arg(long = "for", value_name = "TIME", value_parser = spread_time)]
    keep_out: Option<Duration>,
    /// What its client reads, up to 123 bytes
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    target: AdminTarget,
}

pub(super) fn run(args: CloseArgs) -> Result<(), CommandFailure> {
    let client = AdminClient::new(args.target)?;
    let reason = encoded(&args.reason);
    let time = args.keep_out.map_or_else(String::new, |time| format!("&for={}ms", time.as_millis()));
    let path = match (&args.id, &args.user) {
        (_, Some(user)) => format!("/connections?user={}&reason={reason}{time}", encoded(user)),
        (id, None) => format!("/connections/{}?reason={reason}{time}", encoded(id.as_deref().unwrap_or_default())),
    };
    print(runtime()?.block_on(client.ask(Method::DELETE, &path))?.done()?)
}
