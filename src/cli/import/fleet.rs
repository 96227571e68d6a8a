//! `frontgate import fleet`: routes for the gateways that `openclaw fleet` runs.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{ImportArgs, original, say, unacceptable};
use crate::cli::failure::CommandFailure;
use crate::cli::output::print;
use crate::doctor::settings::write_like;
use crate::import::FleetConfig;
use crate::platform::files::OpenOptionsExt as _;

/// Reads the list and the base, and writes the configuration whole, or not at all.
pub(super) fn run(args: &ImportArgs) -> Result<(), CommandFailure> {
    let Some(domain) = &args.domain else {
        let message =
            "--domain is missing: the tenant acme gets the name acme.DOMAIN\n    hint: --domain teams.example.com";
        return Err(CommandFailure::wrong(message.to_owned()));
    };
    if args.json {
        return Err(CommandFailure::wrong("--json is a report about another proxy's config".to_owned()));
    }
    let list = original(args.file.as_deref().unwrap_or(Path::new("-")))?;
    let fleet = FleetConfig::read(&list.text, domain)
        .map_err(|error| CommandFailure::wrong(format!("{}: {error}", list.name)))?;
    let base = args.base.as_deref().map(original).transpose()?;
    let yaml = fleet.yaml(base.as_ref().map(|base| &*base.text));
    let near = args.output.as_deref().or(args.base.as_deref());
    if let Some(why) = unacceptable(yaml.clone(), near) {
        let message = format!("nothing is written, since `frontgate check` would not accept it:\n{why}");
        return Err(CommandFailure::wrong(message));
    }
    let Some(file) = &args.output else {
        return print(&yaml);
    };
    let tenants = fleet.tenants();
    match fs::read_to_string(file) {
        Ok(before) if before == yaml => {
            say(&format!("{} is as it should be, tenants: {tenants}\n", file.display()));
            return Ok(());
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        _ if !args.force => {
            let message = format!("{} exists already\n    hint: --force overwrites it", file.display());
            return Err(CommandFailure::wrong(message));
        }
        _ => {}
    }
    replace(file, args.base.as_deref(), &yaml).with_context(|| format!("cannot write {}", file.display()))?;
    say(&format!("Wrote {}, tenants: {tenants}\n", file.display()));
    Ok(())
}

/// Replaces `file` in one step. The mode and the owner stay; a new file gets those of `base`.
fn replace(file: &Path, base: Option<&Path>, text: &str) -> io::Result<()> {
    // What a link leads to is replaced, not the link.
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let like = [Some(&*file), base].into_iter().flatten().find(|like| like.exists());
    let mut fresh = file.clone().into_os_string();
    fresh.push(format!(".{}.new", std::process::id()));
    let fresh = PathBuf::from(fresh);
    let created = match like {
        Some(like) => write_like(like, &fresh, text),
        None => create(&fresh, text),
    };
    let replaced = created.and_then(|()| fs::rename(&fresh, &file));
    if replaced.is_err() {
        // A half-written copy is of no use; that it cannot be removed is not worth another error.
        let _ = fs::remove_file(&fresh);
    }
    replaced
}

fn create(fresh: &Path, text: &str) -> io::Result<()> {
    let mut created = OpenOptions::new().write(true).create_new(true).mode(0o644).open(fresh)?;
    created.write_all(text.as_bytes())?;
    created.sync_all()
}
