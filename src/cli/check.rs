//! `frontgate check`: everything that is wrong with the configuration, at once.

use std::env;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::environment;
use super::failure::Failure;
use super::output::print;
use crate::config::{self, Certificate, CertificateFiles, Loaded, Overrides, Source};
use crate::tls::{self, Clients, TlsError};

/// What is checked, and what is shown of it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  frontgate check -c frontgate.yaml --print")]
pub(super) struct Args {
    /// The config [default: the one that `frontgate serve` would take]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Show what frontgate would run on: the config with environment and defaults filled in, as YAML
    #[arg(long)]
    print: bool,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let source = Source::find(args.config, env::var_os("FRONTGATE_CONFIG"));
    let loaded = config::load(source, environment(), &Overrides::default())?;
    files(&loaded)?;
    let name = loaded.file.map_or_else(|| "built-in defaults".to_owned(), |file| file.display().to_string());
    // A comment, so that what is printed is a config file as a whole.
    if args.print {
        print(format!("# config OK: {name}\n{}", loaded.config))
    } else {
        print(format!("config OK: {name}\n"))
    }
}

/// Looks into the files that the configuration names, as `serve` does. The local CA is left alone: to open it is to make it.
fn files(loaded: &Loaded) -> Result<(), Failure> {
    let tls = &loaded.config.tls;
    if let Some(Err(error)) = tls.client_ca.as_ref().map(Clients::open) {
        return Err(loaded.problem("tls.client_ca", error.to_string()).into());
    }
    let Certificate::Files(files) = &tls.certificate else { return Ok(()) };
    match tls::Source::open(tls, None, OffsetDateTime::now_utc()) {
        Ok(_) => Ok(()),
        Err(TlsError::Files(error)) => Err(loaded.problem(&part(files, error.file()), error.to_string()).into()),
        Err(error) => Err(anyhow::Error::new(error).into()),
    }
}

/// The setting that names `file`.
fn part(files: &[CertificateFiles], file: &Path) -> String {
    let index = files.iter().position(|files| files.cert == file || files.key == file).unwrap_or(0);
    let part = if files.iter().any(|files| files.cert == file) { "cert" } else { "key" };
    if files.len() == 1 { format!("tls.certificate.{part}") } else { format!("tls.certificate[{index}].{part}") }
}
