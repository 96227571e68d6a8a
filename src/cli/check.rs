//! `frontgate check`: every problem of the configuration at once, and settings that are probably a mistake.

use std::env;
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::environment;
use super::failure::CommandFailure;
use super::output::{print, show};
use super::painted::painted;
use super::run::runtime;
use crate::app::{check_files, check_names};
use crate::config::{self, ConfigLocation, Overrides};
use crate::observe::Paint;

/// What is checked, and what is shown of it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  frontgate check -c frontgate.yaml --print")]
pub(super) struct CheckArgs {
    /// The config [default: the one that `frontgate serve` would take]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Show what frontgate would run on: the config with environment and defaults filled in, as YAML
    #[arg(long)]
    print: bool,
}

pub(super) fn run(args: CheckArgs) -> Result<(), CommandFailure> {
    let source = ConfigLocation::find(args.config, env::var_os("FRONTGATE_CONFIG"));
    let mut loaded = config::load(source, environment(), &Overrides::default())?;
    let state_dir = loaded.config.state_dir.clone();
    loaded.config.state_dir = config::state_dir(state_dir.as_deref(), |name| env::var_os(name)).ok();
    let checked = check_files(&mut loaded);
    loaded.config.state_dir = state_dir;
    for (setting, message, hint) in runtime()?.block_on(check_names(&loaded)) {
        loaded.warn(&setting, message, hint);
    }
    if !loaded.warnings.is_empty() {
        // If standard error cannot be written, no output is left to report it on.
        let _ = writeln!(io::stderr(), "{}", painted(&loaded.warnings.to_string(), Paint::of(&io::stderr())));
    }
    checked?;
    let name = loaded.file.map_or_else(|| "built-in defaults".to_owned(), |file| file.display().to_string());
    // The verdict is printed as a comment, so that the output is a config file as a whole.
    if args.print {
        print(format!("# config OK: {name}\n{}", loaded.config))
    } else {
        show(&format!("config OK: {name}\n"))
    }
}
