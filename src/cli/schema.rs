//! `frontgate schema`: the JSON Schema of the configuration.

use super::failure::CommandFailure;
use super::output::print;
use crate::config;

/// The schema takes no options.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  frontgate schema > frontgate.schema.json\n\nThen begin the config with\n  # \
                        yaml-language-server: $schema=frontgate.schema.json")]
pub(super) struct SchemaArgs {}

pub(super) fn run(_args: SchemaArgs) -> Result<(), CommandFailure> {
    print(format!("{:#}\n", config::schema()))
}
