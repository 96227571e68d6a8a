//! `frontgate user`: makes the line of the configuration that lets a user in.

use anyhow::Context as _;
use argon2::password_hash::CustomizedPasswordHasher as _;
use argon2::{Argon2, Params};
use aws_lc_rs::rand;
use clap::Subcommand;

use super::failure::CommandFailure;
use super::output::print;
use super::password;
use crate::config;

/// What to do about users.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  frontgate user add ann")]
pub(super) struct UserArgs {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Ask for a password and print the line for `auth.basic`, with the password's hash
    #[command(
        after_help = "Example:\n  frontgate user add ann\n\nThe password is not shown while it is typed. From a pipe it is the \
                      first line; where there is a second one, it must be the same:\n  printf '%s\\n' \"$PASSWORD\" | frontgate \
                      user add ann\n\nThe printed line goes into the config:\n  auth:\n    basic:\n      ann: '$argon2id$…'"
    )]
    Add {
        /// The user's name
        name: String,
    },
}

pub(super) fn run(args: UserArgs) -> Result<(), CommandFailure> {
    let UserCommand::Add { name } = args.command;
    let name = config::user_name(&name).map_err(CommandFailure::wrong)?;
    let password = password::ask(&name)?;
    let hash = hash(password.as_bytes())?;
    // In single quotes nothing of the hash has another meaning.
    print(format!("{}: '{hash}'\n", config::written(&name)))
}

/// The hash of a password with a salt of its own, at the usual cost.
fn hash(password: &[u8]) -> anyhow::Result<String> {
    let mut salt = [0; 16];
    rand::fill(&mut salt).context("the system gives no random bytes")?;
    let hash = Argon2::default().hash_password_customized(password, &salt, None, None, Params::default());
    Ok(hash.context("the password cannot be hashed")?.to_string())
}
