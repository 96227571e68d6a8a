//! `frontgate cert export`: the local CA's certificate, in the form that a device wants.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::ValueEnum;

use crate::cli::failure::CommandFailure;
use crate::cli::loaded;
use crate::cli::output::print;
use crate::tls::{CaOnDisk, OnDiskError, mobileconfig, to_pem};

/// The form and where it goes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate cert export -o frontgate-local-ca.pem\n  frontgate cert export --format mobileconfig \
                        -o frontgate.mobileconfig"
)]
pub(super) struct CertExportArgs {
    /// The config [default: the one that `frontgate serve` would take]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The form
    #[arg(long, value_enum, default_value_t = CertFormat::Pem)]
    format: CertFormat,
    /// Write to this file [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CertFormat {
    /// Text; for Linux, Firefox, macOS, curl
    Pem,
    /// Binary; for Windows, Android, Java
    Der,
    /// A configuration profile; for iPhone, iPad, macOS
    Mobileconfig,
}

pub(super) fn run(args: CertExportArgs) -> Result<(), CommandFailure> {
    let dir = loaded::config(args.config)?.state_dir;
    let ca = dir.ok_or(OnDiskError::NoStateDir).and_then(|dir| CaOnDisk::read(&dir)).map_err(anyhow::Error::new)?;
    let certificate = &ca.certificate;
    let bytes = match args.format {
        CertFormat::Pem => to_pem(certificate).into_bytes(),
        CertFormat::Der => certificate.to_vec(),
        CertFormat::Mobileconfig => mobileconfig(certificate).unwrap_or_default().into_bytes(),
    };
    match args.output {
        None => print(bytes),
        Some(file) => Ok(fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))?),
    }
}
