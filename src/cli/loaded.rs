//! The configuration of a command that runs beside the proxy.

use std::env;
use std::path::PathBuf;

use super::environment;
use super::failure::Failure;
use crate::config::{self, Config, Overrides, Source};

/// The configuration that `frontgate serve` would run on, given the same `file`, with its state folder.
pub(super) fn config(file: Option<PathBuf>) -> Result<Config, Failure> {
    let source = Source::find(file, env::var_os("FRONTGATE_CONFIG"));
    let mut config = config::load(source, environment(), &Overrides::default())?.config;
    config.state_dir = config::state_dir(config.state_dir.as_deref(), |name| env::var_os(name)).ok();
    Ok(config)
}
