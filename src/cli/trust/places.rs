//! [`SystemPlaces`]: the folders and variables of this machine; tests have a machine of their own.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::platform::{files, machine};

/// The folders and variables of this machine.
#[derive(Debug, Clone)]
pub(super) struct SystemPlaces {
    /// The root of the file system.
    pub(super) root: PathBuf,
    pub(super) home: Option<PathBuf>,
    /// The folders of tools, as in `$PATH`.
    pub(super) path: OsString,
    pub(super) os: OsRelease,
    /// Whether this process may change the system's files.
    pub(super) superuser: bool,
}

/// The operating system, as far as the stores differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OsRelease {
    Linux,
    Mac,
    Other,
}

impl SystemPlaces {
    pub(super) fn of_this_machine() -> Self {
        Self {
            root: PathBuf::from("/"),
            home: env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute()),
            path: env::var_os("PATH").unwrap_or_default(),
            os: match env::consts::OS {
                "linux" => OsRelease::Linux,
                "macos" => OsRelease::Mac,
                _ => OsRelease::Other,
            },
            superuser: machine::is_superuser(),
        }
    }

    /// `path`, which begins with a slash, on this machine.
    pub(super) fn file(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The program `name`. A user's PATH often lacks the folders of the system's tools, so those are looked at too.
    pub(super) fn tool(&self, name: &str) -> Option<PathBuf> {
        let system = ["/usr/sbin", "/sbin", "/usr/local/sbin"].map(|folder| self.file(folder));
        let absolute = |folder: &PathBuf| folder.is_absolute();
        env::split_paths(&self.path)
            .filter(absolute)
            .chain(system)
            .map(|folder| folder.join(name))
            .find(|file| runs(file))
    }
}

fn runs(file: &Path) -> bool {
    file.metadata().is_ok_and(|found| files::is_program(&found))
}
