//! `frontgate trust`: the local CA goes into the trust stores of this machine, or out of them again.
//!
//! [`found`] looks for the stores and tools of this machine, [`plan()`] decides what to do with each, [`carry_out`]
//! does it. Steps that frontgate cannot do are printed as commands for the user ([`by_hand`]). No store is written to
//! directly but by the system's own tools, and no command passes through a shell.

mod by_hand;
mod carry_out;
mod found;
mod nss;
mod places;
mod plan;
mod step;
mod system;

#[cfg(test)]
mod tests;

use std::env;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;
use time::OffsetDateTime;

use super::failure::CommandFailure;
use super::loaded;
use super::output::{print, show};
use crate::config::{Certificate, Config, Name, Tls};
use crate::tls::{CaOnDisk, CheckedCert, Fingerprint, OnDiskError, to_pem};
use carry_out::TrustMode;
use found::FoundStores;
use places::SystemPlaces;
use plan::{TrustTask, plan};

/// Which stores, and which way.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate trust\n  frontgate trust --print\n  frontgate trust --uninstall --store nss"
)]
pub(super) struct TrustArgs {
    /// The config [default: the one that `frontgate serve` would take]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Take the local CA out of the stores again
    #[arg(long)]
    uninstall: bool,
    /// The stores: the system's, those of Firefox and Chromium (NSS), or all
    #[arg(long, value_enum, default_value_t = StoreChoice::All)]
    store: StoreChoice,
    /// Only print what would be done
    #[arg(long)]
    print: bool,
}

/// Which stores are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StoreChoice {
    System,
    Nss,
    All,
}

/// The certificate that stores are to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TrustedCa {
    /// Path of the certificate, for commands that read it.
    file: PathBuf,
    pem: String,
    der: Vec<u8>,
    fingerprint: Fingerprint,
}

impl TrustedCa {
    fn new(kept: CaOnDisk) -> Self {
        let CaOnDisk { file, certificate } = kept;
        let fingerprint = Fingerprint::of(&certificate);
        Self { file, pem: to_pem(&certificate), der: certificate.to_vec(), fingerprint }
    }

    /// The certificate's name in stores that want one. It differs between two CAs.
    fn nickname(&self) -> String {
        let hex: String = self.fingerprint.to_string().split(':').take(4).collect();
        format!("frontgate local CA {hex}")
    }
}

pub(super) fn run(args: TrustArgs) -> Result<(), CommandFailure> {
    let config = loaded::config(args.config)?;
    let task = if args.uninstall { TrustTask::Uninstall } else { TrustTask::Install };
    let mode = if args.print { TrustMode::Print } else { TrustMode::Do };
    let dir = config.state_dir.as_deref().ok_or(OnDiskError::NoStateDir).map_err(anyhow::Error::new)?;
    let Some(on_disk) = local_ca(&config, dir, task, mode)? else { return Ok(()) };
    let refused = match task {
        TrustTask::Install => config.tls.names.iter().filter(|name| !on_disk.permits(name)).cloned().collect(),
        TrustTask::Uninstall => Vec::new(),
    };
    let ca = TrustedCa::new(on_disk);
    let places = SystemPlaces::of_this_machine();
    show(&introduction(&ca, &refused, &places))?;
    let found = FoundStores::look(&places, &ca);
    let plan = plan(&found, &ca, task, args.store);
    let outcome = carry_out::all(&plan, &ca, mode, |text| show(&text))?;
    show(by_hand::other_devices(task))?;
    if outcome.complete() { Ok(()) } else { Err(CommandFailure::Failed(anyhow::anyhow!("{outcome}"))) }
}

/// The CA, made if there is none yet; `None` when there is nothing to do.
fn local_ca(config: &Config, dir: &Path, task: TrustTask, mode: TrustMode) -> Result<Option<CaOnDisk>, CommandFailure> {
    let kept = match CaOnDisk::read(dir) {
        Ok(ca) => Some(ca),
        Err(OnDiskError::Missing(_)) => None,
        Err(error) => return Err(anyhow::Error::new(error).into()),
    };
    match (task, mode, kept) {
        (TrustTask::Install, _, None) if !config.tls.is_local() => {
            print("The certificate comes from the files of `tls.certificate`, so there is no local CA to trust.\n")?;
            Ok(None)
        }
        (TrustTask::Uninstall, _, None) => {
            print(format!("There is no local CA in {}, so there is nothing to take out.\n", dir.display()))?;
            Ok(None)
        }
        (TrustTask::Install, TrustMode::Print, None) => {
            print(format!("There is no local CA in {} yet; `frontgate trust` would make it first.\n", dir.display()))?;
            Ok(None)
        }
        (TrustTask::Uninstall, _, Some(kept)) | (TrustTask::Install, TrustMode::Print, Some(kept)) => Ok(Some(kept)),
        (TrustTask::Install, TrustMode::Do, kept) => {
            // The same settings as at the start of the proxy: the CA that serves later is the one that is trusted here.
            let tls = Tls { certificate: Certificate::Local, names: config.tls.local_names(), ..config.tls.clone() };
            let source = CheckedCert::open(&tls, Some(dir), OffsetDateTime::now_utc()).map_err(anyhow::Error::new)?;
            let certificate = source.ca().cloned().context("the local CA is gone")?;
            let file = source.ca_path().map(Path::to_owned);
            let file = file.with_context(|| format!("cannot keep a CA in {}", dir.display()))?;
            if kept.is_none() {
                print(format!("Made a local CA in {}.\n", dir.display()))?;
            }
            Ok(Some(CaOnDisk { file, certificate }))
        }
    }
}

fn introduction(ca: &TrustedCa, refused: &[Name], places: &SystemPlaces) -> String {
    let mut text = format!("Local CA: {}\n  SHA-256 {}\n", ca.file.display(), ca.fingerprint);
    if !refused.is_empty() {
        let names = refused.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let _ = writeln!(
            text,
            "  It may not sign for {names}, as it was made before that was configured. To begin with one that may, delete\n  {} and \
             ca.key beside it, restart frontgate, and run `frontgate trust` again on every device.",
            ca.file.display()
        );
    }
    if places.superuser
        && let Some(user) = env::var_os("SUDO_USER")
    {
        let _ = writeln!(
            text,
            "  You are root through sudo: this is the CA of a frontgate that runs as root, and the browsers of {} are not \
             looked at.",
            user.display()
        );
    }
    text
}
