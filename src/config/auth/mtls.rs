//! `auth.mtls`: certificates of clients, for one route.

use std::path::PathBuf;

use crate::config::keys::{KeySection, Keys, SectionChecks};
use crate::config::kinds::{FilePath, NoValue, Optional};
use crate::config::problem::ValueError;

/// The CA whose certificates let clients in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct MtlsAuth {
    /// Path of the CA's certificates in PEM; one or several.
    pub(crate) ca: PathBuf,
}

/// The keys of `auth.mtls`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct MtlsKeys {
    pub(super) ca: Option<PathBuf>,
}

impl KeySection for MtlsKeys {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "ca",
            Optional(NoValue::Null, FilePath),
            &mut self.ca,
            "The certificates in PEM of the CA that signs those of the clients. A client is asked for a certificate on the names of such \
             a route, and need not have one. The user is the e-mail address in its certificate, else the common name.",
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if self.ca.is_none() {
            checks.report(&["ca"], ValueError::new("`ca` is missing").hint("mtls: { ca: clients.pem }"));
        }
    }
}
