//! [`FoundStores`]: the trust stores of this machine, and their tools.

use std::path::PathBuf;

use super::TrustedCa;
use super::nss::{self, NssDatabase};
use super::places::{OsRelease, SystemPlaces};
use super::system::{self, SystemStore};

/// The stores that were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundStores {
    pub(super) os: OsRelease,
    pub(super) superuser: bool,
    pub(super) system: Option<SystemStore>,
    /// Path of NSS's tool, when it is installed.
    pub(super) certutil: Option<PathBuf>,
    pub(super) databases: Vec<NssDatabase>,
}

impl FoundStores {
    /// Looks for stores and tools; changes nothing.
    pub(super) fn look(places: &SystemPlaces, ca: &TrustedCa) -> Self {
        let certutil = places.tool("certutil");
        Self {
            os: places.os,
            superuser: places.superuser,
            system: system::look(places, ca),
            databases: nss::look(places, certutil.as_deref(), ca),
            certutil,
        }
    }
}
