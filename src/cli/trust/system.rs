//! The system's own trust store: which kind it is, and whether it has our CA.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

use super::TrustedCa;
use super::places::{OsRelease, SystemPlaces};
use crate::tls::{CertDescription, Fingerprint, certificates};

/// The system's trust store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SystemStore {
    /// A folder of certificates and a tool that makes the store from them.
    Anchors {
        family: &'static DistributionFamily,
        /// Path of the tool, when it is installed.
        tool: Option<PathBuf>,
        file: PathBuf,
        held: StoreEntry,
    },
    /// macOS: `security` and the keychain that is changed.
    Keychain { tool: PathBuf, keychain: PathBuf, held: StoreEntry },
}

/// The content of a store where our CA belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StoreEntry {
    Nothing,
    /// Our CA.
    Ours,
    /// Another frontgate's CA, or an older one.
    Frontgates(Fingerprint),
    /// A file or certificate that is not frontgate's.
    Foreign,
}

/// How one family of distributions handles its trust store.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DistributionFamily {
    pub(super) name: &'static str,
    folder: &'static str,
    file: &'static str,
    pub(super) tool: &'static str,
    pub(super) install: &'static [&'static str],
    pub(super) uninstall: &'static [&'static str],
    /// The package to install when the tool is missing.
    pub(super) package: &'static str,
}

/// The families. The first with an existing folder is this machine's.
pub(super) const FAMILIES: [DistributionFamily; 4] = [
    DistributionFamily {
        name: "Debian, Ubuntu, Alpine",
        folder: "/usr/local/share/ca-certificates",
        // The tool ignores other file name endings.
        file: "frontgate-local-ca.crt",
        tool: "update-ca-certificates",
        install: &[],
        // Without the flag, links to a removed file stay.
        uninstall: &["--fresh"],
        package: "ca-certificates",
    },
    DistributionFamily {
        name: "Fedora, RHEL",
        folder: "/etc/pki/ca-trust/source/anchors",
        file: "frontgate-local-ca.pem",
        tool: "update-ca-trust",
        install: &["extract"],
        uninstall: &["extract"],
        package: "ca-certificates",
    },
    DistributionFamily {
        name: "Arch",
        folder: "/etc/ca-certificates/trust-source/anchors",
        file: "frontgate-local-ca.crt",
        tool: "trust",
        install: &["extract-compat"],
        uninstall: &["extract-compat"],
        package: "p11-kit",
    },
    DistributionFamily {
        name: "openSUSE",
        folder: "/etc/pki/trust/anchors",
        file: "frontgate-local-ca.pem",
        tool: "update-ca-certificates",
        install: &[],
        uninstall: &["--fresh"],
        package: "ca-certificates",
    },
];

/// The system's store; `None` when it is of no known kind.
pub(super) fn look(places: &SystemPlaces, ca: &TrustedCa) -> Option<SystemStore> {
    match places.os {
        OsRelease::Linux => anchors(places, ca),
        OsRelease::Mac => keychain(places, ca),
        OsRelease::Other => None,
    }
}

fn anchors(places: &SystemPlaces, ca: &TrustedCa) -> Option<SystemStore> {
    let here = || FAMILIES.iter().filter(|family| places.file(family.folder).is_dir());
    let family = here().find(|family| places.tool(family.tool).is_some()).or_else(|| here().next())?;
    let file = places.file(family.folder).join(family.file);
    let held = held_in(&file, ca);
    Some(SystemStore::Anchors { family, tool: places.tool(family.tool), file, held })
}

fn held_in(file: &Path, ca: &TrustedCa) -> StoreEntry {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return StoreEntry::Nothing,
        Err(_) => return StoreEntry::Foreign,
    };
    let Some(found) = certificates(&text) else { return StoreEntry::Foreign };
    let [found] = found.as_slice() else { return StoreEntry::Foreign };
    match CertDescription::read(found) {
        Some(found) if found.fingerprint == ca.fingerprint => StoreEntry::Ours,
        Some(found) if found.subject.starts_with("CN=frontgate local CA ") => StoreEntry::Frontgates(found.fingerprint),
        _ => StoreEntry::Foreign,
    }
}

/// A user has a keychain of their own too, which needs no root.
fn keychain(places: &SystemPlaces, ca: &TrustedCa) -> Option<SystemStore> {
    let tool = places.tool("security")?;
    let keychain = match (&places.home, places.superuser) {
        (Some(home), false) => home.join("Library/Keychains/login.keychain-db"),
        _ => places.file("/Library/Keychains/System.keychain"),
    };
    let listed =
        Command::new(&tool).args(["find-certificate", "-a", "-Z"]).arg(&keychain).stdin(Stdio::null()).output();
    let ours = ca.fingerprint.to_string().replace(':', "");
    let held = match listed {
        Ok(listed) if String::from_utf8_lossy(&listed.stdout).contains(&ours) => StoreEntry::Ours,
        _ => StoreEntry::Nothing,
    };
    Some(SystemStore::Keychain { tool, keychain, held })
}
