//! The system's own trust store: which one it is, and whether it has our CA.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

use super::Ca;
use super::places::{Os, Places};
use crate::tls::{Description, Fingerprint, certificates};

/// The system's trust store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum System {
    /// A folder of certificates and a tool that makes the store of them.
    Anchors {
        family: &'static Family,
        /// The tool, when it is installed.
        tool: Option<PathBuf>,
        file: PathBuf,
        held: Held,
    },
    /// macOS: `security` and the keychain that is changed.
    Keychain { tool: PathBuf, keychain: PathBuf, held: Held },
}

/// What a store has in our place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    Nothing,
    /// Our CA.
    Ours,
    /// Another frontgate's CA, or an older one.
    Frontgates(Fingerprint),
    /// Something that is none of our business.
    Foreign,
}

/// How the distributions that share one way do it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Family {
    pub(super) name: &'static str,
    folder: &'static str,
    file: &'static str,
    pub(super) tool: &'static str,
    pub(super) install: &'static [&'static str],
    pub(super) uninstall: &'static [&'static str],
    /// What to install when the tool is missing.
    pub(super) package: &'static str,
}

/// A folder that exists says which one it is.
pub(super) const FAMILIES: [Family; 4] = [
    Family {
        name: "Debian, Ubuntu, Alpine",
        folder: "/usr/local/share/ca-certificates",
        // Other endings are not looked at.
        file: "frontgate-local-ca.crt",
        tool: "update-ca-certificates",
        install: &[],
        // Without it, the links to a file that is gone stay.
        uninstall: &["--fresh"],
        package: "ca-certificates",
    },
    Family {
        name: "Fedora, RHEL",
        folder: "/etc/pki/ca-trust/source/anchors",
        file: "frontgate-local-ca.pem",
        tool: "update-ca-trust",
        install: &["extract"],
        uninstall: &["extract"],
        package: "ca-certificates",
    },
    Family {
        name: "Arch",
        folder: "/etc/ca-certificates/trust-source/anchors",
        file: "frontgate-local-ca.crt",
        tool: "trust",
        install: &["extract-compat"],
        uninstall: &["extract-compat"],
        package: "p11-kit",
    },
    Family {
        name: "openSUSE",
        folder: "/etc/pki/trust/anchors",
        file: "frontgate-local-ca.pem",
        tool: "update-ca-certificates",
        install: &[],
        uninstall: &["--fresh"],
        package: "ca-certificates",
    },
];

/// The system's store; `None` when it is none that is known.
pub(super) fn look(places: &Places, ca: &Ca) -> Option<System> {
    match places.os {
        Os::Linux => anchors(places, ca),
        Os::Mac => keychain(places, ca),
        Os::Other => None,
    }
}

fn anchors(places: &Places, ca: &Ca) -> Option<System> {
    let here = || FAMILIES.iter().filter(|family| places.file(family.folder).is_dir());
    let family = here().find(|family| places.tool(family.tool).is_some()).or_else(|| here().next())?;
    let file = places.file(family.folder).join(family.file);
    let held = held_in(&file, ca);
    Some(System::Anchors { family, tool: places.tool(family.tool), file, held })
}

fn held_in(file: &Path, ca: &Ca) -> Held {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Held::Nothing,
        Err(_) => return Held::Foreign,
    };
    let Some(found) = certificates(&text) else { return Held::Foreign };
    let [found] = found.as_slice() else { return Held::Foreign };
    match Description::read(found) {
        Some(found) if found.fingerprint == ca.fingerprint => Held::Ours,
        Some(found) if found.subject.starts_with("CN=frontgate local CA ") => Held::Frontgates(found.fingerprint),
        _ => Held::Foreign,
    }
}

/// A user has a keychain too, which needs no root.
fn keychain(places: &Places, ca: &Ca) -> Option<System> {
    let tool = places.tool("security")?;
    let keychain = match (&places.home, places.superuser) {
        (Some(home), false) => home.join("Library/Keychains/login.keychain-db"),
        _ => places.file("/Library/Keychains/System.keychain"),
    };
    let listed =
        Command::new(&tool).args(["find-certificate", "-a", "-Z"]).arg(&keychain).stdin(Stdio::null()).output();
    let ours = ca.fingerprint.to_string().replace(':', "");
    let held = match listed {
        Ok(listed) if String::from_utf8_lossy(&listed.stdout).contains(&ours) => Held::Ours,
        _ => Held::Nothing,
    };
    Some(System::Keychain { tool, keychain, held })
}
