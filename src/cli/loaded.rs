//! The configuration of a command that runs beside the proxy.

use std::env;
use std::path::PathBuf;

use super::environment;
use super::failure::CommandFailure;
use super::running_note;
use crate::config::{self, Admin, Config, ConfigLocation, Overrides};

/// The configuration that `frontgate serve` would run on, given the same `file`, with its state folder.
pub(super) fn config(file: Option<PathBuf>) -> Result<Config, CommandFailure> {
    under(file, &Overrides::default())
}

/// The same configuration under these flags.
pub(super) fn under(file: Option<PathBuf>, flags: &Overrides) -> Result<Config, CommandFailure> {
    let source = ConfigLocation::find(file, env::var_os("FRONTGATE_CONFIG"));
    let mut config = config::load(source, environment(), flags)?.config;
    config.state_dir = config::state_dir(config.state_dir.as_deref(), |name| env::var_os(name)).ok();
    Ok(config)
}

/// Where the frontgate that runs on `file` says that it is asked.
pub(super) fn noted(file: Option<PathBuf>) -> Option<String> {
    let source = ConfigLocation::find(file, env::var_os("FRONTGATE_CONFIG"));
    let config = config::glimpse(&source, environment(), &Overrides::default());
    let folder = config::state_dir(config.state_dir.as_deref(), |name| env::var_os(name)).ok()?;
    running_note::read(&folder).map(|noted| noted.admin)
}

/// The admin listener of the frontgate that runs on `file`, or at the address that was given instead, and its token.
/// The file may have become invalid since that frontgate read it.
pub(super) fn admin(file: Option<PathBuf>, address: Option<String>) -> Result<Admin, CommandFailure> {
    let flags = Overrides { admin: address, ..Overrides::default() };
    // A mistake in the address is reported here, whatever else is wrong with the file.
    config::check_admin(&flags)?;
    let source = ConfigLocation::find(file, env::var_os("FRONTGATE_CONFIG"));
    Ok(config::glimpse(&source, environment(), &flags).admin)
}
