//! [`LocalCa`]: the certificate that needs no setup, kept in the state directory or, failing that, in memory.

pub(super) mod authority;
pub(super) mod constraints;
pub(super) mod mobileconfig;
pub(super) mod names;
pub(super) mod on_disk;
pub(super) mod plan;
pub(super) mod stored_ca;

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::KeyPair;
use time::OffsetDateTime;
use tracing::{debug, info, warn};

use super::certificates::clock;
use super::state_dir::{StateDir, StateError};
use super::x509::fingerprint::Fingerprint;
use crate::config::Name;
use authority::SigningCa;
use plan::{IssueReason, LocalCaPlan, makes_way, plan};
use stored_ca::{CA_CERTIFICATE, CA_KEY, Leaf, StoredCa};

/// A CA with the certificate it signed for this machine.
#[derive(Debug)]
pub(super) struct LocalCa {
    pub(super) authority: Arc<SigningCa>,
    /// The key pair of the server certificate.
    pub(super) key: Arc<KeyPair>,
    pub(super) leaf: Leaf,
    /// Path of the CA's certificate; `None` when it could not be written.
    pub(super) ca_path: Option<PathBuf>,
}

/// The names that the server certificate is requested for.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeafRequest<'a> {
    /// The configured names.
    pub(super) names: &'a [Name],
    /// The machine's host name. It goes into every new certificate, but is no reason to make one: a container has
    /// another host name at each start.
    pub(super) host: Option<&'a str>,
}

/// Why the local CA cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LocalCaError {
    /// The CA is there and cannot be used. It is never replaced unasked, because clients trust it.
    #[error(
        "{path} is damaged: {what}; restore it from a backup, or delete it together with {CA_CERTIFICATE} to begin with a new \
         CA, which clients must then trust anew"
    )]
    Damaged {
        /// Path of the damaged file.
        path: PathBuf,
        /// The defect.
        what: &'static str,
    },
    /// The CA's certificate is there without its key.
    #[error(
        "{key} is missing, but {certificate} is there; restore the key from a backup, or delete the certificate to begin with \
         a new CA, which clients must then trust anew"
    )]
    KeyGone {
        /// Path of the missing key.
        key: PathBuf,
        /// Path of the certificate that is there.
        certificate: PathBuf,
    },
    /// A file is there and cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// A certificate cannot be made for these names.
    #[error("cannot make a certificate: {0}; check `tls.names`")]
    Sign(#[from] rcgen::Error),
}

impl LocalCa {
    /// Reads the CA and its certificate from `dir`, makes those that are missing or due, and writes them to `dir`. A
    /// file that cannot be written is used from memory, with a warning. `before` is the CA that this process used until
    /// now, if any.
    pub(super) fn open(
        dir: Option<&StateDir>,
        wanted: LeafRequest<'_>,
        before: Option<&Self>,
        now: OffsetDateTime,
    ) -> Result<Self, LocalCaError> {
        if clock::believable(now) != now {
            warn!(
                clock = %now.date(),
                "the system clock is before {}, so certificates are dated as of that day; set the clock (NTP), or clients refuse \
                 them, and a public certificate cannot be had",
                clock::EARLIEST.date()
            );
        }
        // Two processes that start at once must not make two CAs. A folder that cannot be locked cannot be written to
        // either.
        let _lock = dir.and_then(|dir| dir.lock().inspect_err(|error| debug!(%error, "no lock")).ok());
        let stored = dir.map(StoredCa::read).transpose()?.unwrap_or_default();
        let found = match before {
            Some(before) => stored.clone().carry_on(before, now),
            None => stored.clone(),
        };
        let (mut local, plan) = Self::complete(found, wanted, now)?;
        if let Some(dir) = dir {
            let written = stored.complete(dir, &local);
            let ca_stored = stored.authority.is_some_and(|ca| ca.certificate == local.authority.certificate);
            local.ca_path = (written.is_ok() || ca_stored).then(|| dir.file(CA_CERTIFICATE));
            if let Err(error) = written {
                warn!(%error, "the certificate is kept in memory only: after a restart clients must accept another one");
            }
        }
        local.report(&plan, now);
        local.warn_of_refused(wanted.names, dir);
        Ok(local)
    }

    /// Makes the CA and the certificate that are missing or due.
    fn complete(
        found: StoredCa,
        wanted: LeafRequest<'_>,
        now: OffsetDateTime,
    ) -> Result<(Self, LocalCaPlan), LocalCaError> {
        let StoredCa { authority, key, leaf } = found;
        let required = names::required(wanted.names);
        let facts = leaf.as_ref().map(|leaf| &leaf.facts);
        let refused =
            authority.as_ref().and_then(|ca| required.iter().find(|name| !ca.constraints.permit(name)).cloned());
        let authority_facts = authority.as_deref().map(|ca| &ca.facts);
        let plan = match (authority_facts, refused) {
            (Some(ca), Some(name)) if makes_way(ca, now) => LocalCaPlan::NewCa(IssueReason::NotPermitted(name)),
            _ => {
                let permitted = authority.as_ref().map_or_else(|| required.clone(), |ca| ca.permitted(&required));
                plan(authority_facts, facts, &permitted, now)
            }
        };
        let authority = if let Some(authority) = authority.filter(|_| !matches!(plan, LocalCaPlan::NewCa(_))) {
            authority
        } else {
            // The names of the certificate before count too, so that two processes with different names do not take
            // turns.
            let before = facts.map(|facts| facts.names.as_slice()).unwrap_or_default();
            Arc::new(SigningCa::generate(wanted.host, &[&required, before].concat(), now)?)
        };
        let key = match key {
            Some(key) => key,
            None => Arc::new(KeyPair::generate()?),
        };
        let leaf = match (&plan, leaf) {
            (LocalCaPlan::Keep, Some(leaf)) => leaf,
            (plan, leaf) => {
                // A certificate to which a name is added keeps those it had, so that two processes with different names
                // settle on one certificate instead of taking turns.
                let before = match (plan, &leaf) {
                    (
                        LocalCaPlan::NewLeaf(IssueReason::NameAdded(_))
                        | LocalCaPlan::NewCa(IssueReason::NotPermitted(_)),
                        Some(leaf),
                    ) => leaf.facts.names.as_slice(),
                    _ => &[],
                };
                let names = names::complete(required, wanted.host, before);
                let certificate = authority.sign(&key, &names, now)?;
                Leaf::read(certificate).ok_or(rcgen::Error::CouldNotParseCertificate)?
            }
        };
        Ok((Self { authority, key, leaf, ca_path: None }, plan))
    }

    fn warn_of_refused(&self, names: &[Name], dir: Option<&StateDir>) {
        let refused = names.iter().filter(|name| !self.authority.constraints.permit(name));
        let refused: Vec<_> = refused.map(ToString::to_string).collect();
        if !refused.is_empty() {
            let files = dir.map(|dir| format!("{} and {CA_CERTIFICATE}", dir.file(CA_KEY).display()));
            warn!(
                names = refused.join(" "),
                files,
                "the local CA may not sign for these names, so the certificate is without them; to begin with a CA that may, \
                 delete its files, restart frontgate, and run `frontgate trust` again on every device"
            );
        }
    }

    fn report(&self, plan: &LocalCaPlan, now: OffsetDateTime) {
        let fingerprint = Fingerprint::of(&self.leaf.certificate);
        let facts = &self.leaf.facts;
        let (not_before, not_after) = (facts.not_before.date(), facts.not_after.date());
        match plan {
            LocalCaPlan::Keep if now < facts.not_before => {
                warn!(%not_before, "the clock is behind the certificate; check the system time");
            }
            LocalCaPlan::Keep => {}
            LocalCaPlan::NewCa(IssueReason::Missing) => {
                info!(%fingerprint, %not_after, "made a local CA and a certificate");
            }
            LocalCaPlan::NewCa(why) => {
                warn!(
                    %fingerprint, %not_after, %why,
                    "replaced the local CA: devices that trusted it must trust the new one (`frontgate trust`)"
                );
            }
            LocalCaPlan::NewLeaf(IssueReason::Missing) => info!(%fingerprint, %not_after, "made a certificate"),
            LocalCaPlan::NewLeaf(why) => {
                info!(%fingerprint, %not_after, %why, "renewed the certificate with the same key");
            }
        }
    }
}

#[cfg(test)]
mod tests;
