//! [`plan`]: what to do with the stores that were found.

use std::path::{Path, PathBuf};

use super::found::FoundStores;
use super::nss::{NssDatabase, NssState, sql};
use super::places::OsRelease;
use super::step::TrustStep;
use super::system::{DistributionFamily, StoreEntry, SystemStore};
use super::{StoreChoice, TrustedCa};

/// Whether the CA goes into the stores or out of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TrustTask {
    Install,
    Uninstall,
}

/// One store, and the action for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TrustPart {
    /// The store's usual name.
    pub(super) store: String,
    pub(super) what: TrustAction,
}

/// The action for a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TrustAction {
    /// No step is needed, for this reason.
    Nothing(&'static str),
    /// These steps, one after the other, and a remark about them if one is needed.
    Do(Vec<TrustStep>, Option<String>),
    /// frontgate cannot do it, for the reason `why`; the user can, with these steps.
    Left { why: String, steps: Vec<TrustStep> },
}

/// The action for each store.
pub(super) fn plan(found: &FoundStores, ca: &TrustedCa, task: TrustTask, stores: StoreChoice) -> Vec<TrustPart> {
    let mut parts = Vec::new();
    if stores != StoreChoice::Nss {
        parts.push(system(found, ca, task));
    }
    if stores != StoreChoice::System {
        parts.extend(found.databases.iter().map(|database| nss(database, found.certutil.as_deref(), ca, task)));
        if found.databases.is_empty() {
            parts.push(TrustPart {
                store: "Browsers".to_owned(),
                what: TrustAction::Nothing("no database of Firefox or Chromium was found"),
            });
        }
    }
    parts
}

fn system(found: &FoundStores, ca: &TrustedCa, task: TrustTask) -> TrustPart {
    match &found.system {
        Some(SystemStore::Anchors { family, tool, file, held }) => TrustPart {
            store: format!("System ({})", family.name),
            what: anchors(family, tool.as_deref(), file, held, task, found.superuser),
        },
        Some(SystemStore::Keychain { tool, keychain, held }) => TrustPart {
            store: "System (macOS)".to_owned(),
            what: in_keychain(tool, keychain, *held == StoreEntry::Ours, ca, task, found.superuser),
        },
        None => {
            let why = match found.os {
                OsRelease::Mac => "the tool `security` was not found",
                OsRelease::Linux | OsRelease::Other => {
                    "no trust store that frontgate knows was found; on a small image, install `ca-certificates`"
                }
            };
            TrustPart { store: "System".to_owned(), what: TrustAction::Nothing(why) }
        }
    }
}

fn anchors(
    family: &DistributionFamily,
    tool: Option<&Path>,
    file: &Path,
    held: &StoreEntry,
    task: TrustTask,
    superuser: bool,
) -> TrustAction {
    let place = || file.to_owned();
    let (first, note, args) = match (task, held) {
        (TrustTask::Install, StoreEntry::Nothing) => (Some(TrustStep::Write(place())), None, family.install),
        (TrustTask::Install, StoreEntry::Ours) if !superuser => return TrustAction::Nothing("the CA is in it already"),
        // The last run of the tool may have been interrupted.
        (TrustTask::Install, StoreEntry::Ours) => (None, None, family.install),
        (TrustTask::Install, StoreEntry::Frontgates(other)) => {
            let note = format!("it takes the place of another frontgate's CA, {other}");
            (Some(TrustStep::Write(place())), Some(note), family.install)
        }
        (TrustTask::Install, StoreEntry::Foreign) => {
            let why = format!("{} holds something that is not frontgate's; look at it and remove it", file.display());
            return TrustAction::Left { why, steps: Vec::new() };
        }
        (TrustTask::Uninstall, StoreEntry::Ours) => (Some(TrustStep::Remove(place())), None, family.uninstall),
        (TrustTask::Uninstall, StoreEntry::Nothing) => return TrustAction::Nothing("the CA is not in it"),
        (TrustTask::Uninstall, StoreEntry::Frontgates(_) | StoreEntry::Foreign) => {
            return TrustAction::Nothing("the CA is not in it; another certificate in its place stays");
        }
    };
    // The full path for us; a user finds the tool by its name once it is installed.
    let update = TrustStep::run(tool.unwrap_or(Path::new(family.tool)), args);
    let steps: Vec<_> = first.into_iter().chain([update]).collect();
    match tool {
        None => TrustAction::Left { why: format!("`{}` is missing: install {}", family.tool, family.package), steps },
        Some(_) if !superuser => TrustAction::Left { why: "only root may change it".to_owned(), steps },
        Some(_) => TrustAction::Do(steps, note),
    }
}

fn in_keychain(
    tool: &Path,
    keychain: &Path,
    held: bool,
    ca: &TrustedCa,
    task: TrustTask,
    superuser: bool,
) -> TrustAction {
    let run = |args: &[&str], rest: &[&Path]| {
        TrustStep::run(
            tool,
            args.iter().map(std::ffi::OsString::from).chain(rest.iter().map(|path| path.as_os_str().to_owned())),
        )
    };
    let domain: &[&str] = if superuser { &["-d"] } else { &[] };
    match (task, held) {
        // Whether the certificate is trusted cannot be asked; adding it twice does no harm.
        (TrustTask::Install, _) => {
            let args = [&["add-trusted-cert"], domain, &["-r", "trustRoot", "-k"]].concat();
            TrustAction::Do(vec![run(&args, &[keychain, &ca.file])], None)
        }
        (TrustTask::Uninstall, false) => TrustAction::Nothing("the CA is not in it"),
        (TrustTask::Uninstall, true) => {
            let hash = ca.fingerprint.to_string().replace(':', "");
            let remove = [&["remove-trusted-cert"], domain].concat();
            TrustAction::Do(
                vec![run(&remove, &[&ca.file]), run(&["delete-certificate", "-Z", &hash], &[keychain])],
                None,
            )
        }
    }
}

fn nss(database: &NssDatabase, certutil: Option<&Path>, ca: &TrustedCa, task: TrustTask) -> TrustPart {
    let store = format!("{} ({})", database.of, database.dir.display());
    let name = certutil.map_or_else(|| PathBuf::from("certutil"), Path::to_owned);
    let run = |args: &[&str]| {
        let mut words = vec![std::ffi::OsString::from(args[0]), "-d".into(), sql(&database.dir)];
        words.extend(args[1..].iter().map(Into::into));
        words
    };
    let add = |nickname: &str| {
        let mut words = run(&["-A", "-t", "C,,", "-n", nickname, "-i"]);
        words.push(ca.file.clone().into());
        TrustStep::run(&name, words)
    };
    let steps = match (task, &database.state) {
        (TrustTask::Install, NssState::Absent) => vec![
            TrustStep::Folder(database.dir.clone()),
            TrustStep::run(&name, run(&["-N", "--empty-password"])),
            add(&ca.nickname()),
        ],
        (TrustTask::Install, NssState::Without) => vec![add(&ca.nickname())],
        (TrustTask::Install, NssState::With { nickname, trusted: false }) => vec![add(nickname)],
        (TrustTask::Install, NssState::With { trusted: true, .. }) => {
            return TrustPart { store, what: TrustAction::Nothing("the CA is trusted already") };
        }
        (TrustTask::Uninstall, NssState::With { nickname, .. }) => {
            vec![TrustStep::run(&name, run(&["-D", "-n", nickname]))]
        }
        (TrustTask::Uninstall, NssState::Without) if certutil.is_none() => {
            let command = run(&["-D", "-n", &ca.nickname()]);
            vec![TrustStep::run(&name, command)]
        }
        (TrustTask::Uninstall, NssState::Absent | NssState::Without) => {
            return TrustPart { store, what: TrustAction::Nothing("the CA is not in it") };
        }
    };
    let missing = "`certutil` is missing: install libnss3-tools (Debian, Ubuntu), nss-tools (Fedora, Alpine) or nss (Arch, Homebrew)";
    let what = match certutil {
        Some(_) => TrustAction::Do(steps, None),
        None => TrustAction::Left { why: missing.to_owned(), steps },
    };
    TrustPart { store, what }
}
