//! `frontgate import`: the configuration of another proxy, translated, or a fleet's list of gateways.

mod fleet;

use std::env;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;

use super::failure::CommandFailure;
use super::output::print;
use super::painted::painted;
use crate::app::check_files;
use crate::config::{self, ConfigLocation, Overrides};
use crate::import::{Disk, ImportFormat, ImportReader, Imported, Original, import};
use crate::observe::Paint;

/// What is translated, and where it goes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate import nginx /etc/nginx/sites-enabled/openclaw -o frontgate.yaml\n  nginx -T | \
                        frontgate import nginx - > frontgate.yaml\n  frontgate import apache \
                        /etc/apache2/sites-enabled/openclaw.conf -o frontgate.yaml\n  frontgate import caddy \
                        /etc/caddy/Caddyfile -o frontgate.yaml\n  openclaw fleet list --json | frontgate import fleet --domain \
                        teams.example.com --base base.yaml -o frontgate.yaml --force\n\nThe report goes to standard error: what was dropped and \
                        what to do, what was wrong in the old config, what was kept and as what, what is not needed and \
                        why. Exit code 2 when the file is not written as it should be, with the place."
)]
pub(super) struct ImportArgs {
    /// Whose config it is; fleet is what `openclaw fleet list --json` prints
    format: FormatName,
    /// The config; - for standard input, which is also where a fleet's list comes from without FILE
    file: Option<PathBuf>,
    /// Where to write the translated config [default: standard output]
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Overwrite OUT
    #[arg(long, requires = "output")]
    force: bool,
    /// The report as JSON
    #[arg(long)]
    json: bool,
    /// Fleet: the tenant acme gets the name acme.DOMAIN
    #[arg(long)]
    domain: Option<String>,
    /// Fleet: a config with everything but `routes`, which comes first in OUT
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatName {
    Nginx,
    Apache,
    Caddy,
    Fleet,
}

pub(super) fn run(args: &ImportArgs) -> Result<(), CommandFailure> {
    let format = match args.format {
        FormatName::Nginx => ImportFormat::Nginx,
        FormatName::Apache => ImportFormat::Apache,
        FormatName::Caddy => ImportFormat::Caddy,
        FormatName::Fleet => return fleet::run(args),
    };
    if args.domain.is_some() || args.base.is_some() {
        return Err(CommandFailure::wrong("--domain and --base are for `frontgate import fleet`".to_owned()));
    }
    let Some(file) = &args.file else {
        let message =
            format!("FILE is missing\n    hint: frontgate import {} FILE, or - for standard input", format.name());
        return Err(CommandFailure::wrong(message));
    };
    let original = original(file)?;
    let mut imported = import(format, &original, &Disk).map_err(|error| CommandFailure::wrong(error.to_string()))?;
    let heading = format!("Translated from {} by `frontgate import {}`.", original.name, format.name());
    imported.draft.heading.insert(0, heading);
    let yaml = imported.yaml();
    match &args.output {
        Some(file) => write(file, &yaml, args.force)?,
        None => print(&yaml)?,
    }
    let unacceptable = unacceptable(yaml, args.output.as_deref());
    say(&if args.json {
        as_json(&imported, unacceptable)
    } else {
        painted(&as_text(&imported, unacceptable), Paint::of(&io::stderr()))
    });
    Ok(())
}

/// Reads the text from a file or from standard input.
fn original(file: &Path) -> Result<Original, CommandFailure> {
    let working = env::current_dir().unwrap_or_default();
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().take(MOST).read_to_end(&mut bytes).context("cannot read standard input")?;
        return Ok(Original { name: "standard input".into(), folder: working, text: text(&bytes) });
    }
    let unread = |error: io::Error| CommandFailure::wrong(format!("cannot read {}: {error}", file.display()));
    let bytes = Disk.read(file, MOST).map_err(unread)?;
    let folder = file.parent().map(|parent| working.join(parent)).unwrap_or(working);
    Ok(Original { name: file.display().to_string(), folder, text: text(&bytes) })
}

/// Bytes, one more than is accepted: a longer text is refused by its length.
const MOST: u64 = (4 << 20) + 1;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn write(file: &Path, yaml: &str, force: bool) -> Result<(), CommandFailure> {
    let mut options = OpenOptions::new();
    let opened =
        if force { options.write(true).create(true).truncate(true) } else { options.write(true).create_new(true) }
            .open(file);
    let mut opened = match opened {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let message = format!("{} exists already\n    hint: --force overwrites it", file.display());
            return Err(CommandFailure::wrong(message));
        }
        opened => opened.with_context(|| format!("cannot write {}", file.display()))?,
    };
    opened.write_all(yaml.as_bytes()).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(())
}

fn as_json(imported: &Imported, unacceptable: Option<String>) -> String {
    let mut report = imported.report.json();
    report["accepted"] = unacceptable.is_none().into();
    report["unacceptable"] = unacceptable.into();
    format!("{report:#}\n")
}

fn as_text(imported: &Imported, unacceptable: Option<String>) -> String {
    let verdict = match unacceptable {
        Some(why) => format!("`frontgate check` does not accept this config yet:\n{why}"),
        None => "`frontgate check` accepts this config".to_owned(),
    };
    format!("{}\n{verdict}\n", imported.report)
}

/// The problems that `frontgate check` will find with the translated file.
fn unacceptable(text: String, output: Option<&Path>) -> Option<String> {
    let source = ConfigLocation::Text { text, file: output.unwrap_or(Path::new("frontgate.yaml")).to_owned() };
    match config::load(source, [], &Overrides::default()) {
        Err(problems) => Some(problems.to_string()),
        Ok(mut loaded) => check_files(&mut loaded).err().map(|unusable| unusable.to_string()),
    }
}

/// Prints to standard error, because standard output may be the config.
fn say(text: &str) {
    // If even this cannot be written, no output is left to report it on.
    let _ = io::stderr().write_all(text.as_bytes());
}
