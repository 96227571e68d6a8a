//! [`Found`]: what this machine has by way of trust stores.

use std::path::PathBuf;

use super::Ca;
use super::nss::{self, Database};
use super::places::{Os, Places};
use super::system::{self, System};

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) os: Os,
    pub(super) superuser: bool,
    pub(super) system: Option<System>,
    /// The tool of NSS, when it is installed.
    pub(super) certutil: Option<PathBuf>,
    pub(super) databases: Vec<Database>,
}

impl Found {
    /// Looks; changes nothing.
    pub(super) fn look(places: &Places, ca: &Ca) -> Self {
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
