//! `frontgate token`: makes a token of a service, and the line of the configuration that lets its bearer in.

use anyhow::Context as _;
use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Subcommand;

use super::failure::CommandFailure;
use super::output::print;
use crate::config;
use crate::config::TokenHash;

/// What to do about tokens.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  frontgate token add robot --expires 2027-01-31")]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Print a new token, and the line for `auth.token` with its hash
    #[command(
        after_help = "Example:\n  frontgate token add robot --expires 2027-01-31\n\nThe first line is the token, which is shown \
                      this once; clients send it as `Authorization: Bearer TOKEN`. The second line goes into the config:\n  \
                      auth:\n    token:\n      robot: { sha256: …, expires: 2027-01-31T00:00:00Z }"
    )]
    Add {
        /// The name of the service that will carry it
        name: String,
        /// From when on it lets no client in, UTC: 2027-01-31 or 2027-01-31T18:00:00Z
        #[arg(long, value_name = "DATE")]
        expires: Option<String>,
    },
}

pub(super) fn run(args: TokenArgs) -> Result<(), CommandFailure> {
    let TokenCommand::Add { name, expires } = args.command;
    let name = config::user_name(&name).map_err(CommandFailure::wrong)?;
    let expires = expires.map(|date| config::expiry_date(&date)).transpose().map_err(CommandFailure::wrong)?;
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).context("the system gives no random bytes")?;
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let hash = TokenHash(digest::digest(&digest::SHA256, token.as_bytes()).as_ref().try_into().unwrap_or_default());
    let expires = expires.map_or_else(String::new, |date| format!(", expires: {date}"));
    print(format!("{token}\n{}: {{ sha256: {hash}{expires} }}\n", config::written(&name)))
}
