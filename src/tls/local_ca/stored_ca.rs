//! [`StoredCa`]: the parts of the local CA that the state directory holds.

use std::sync::Arc;

use rcgen::{KeyPair, PublicKeyData};
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use tracing::{info, warn};

use super::authority::SigningCa;
use super::plan::spent;
use super::{LocalCa, LocalCaError};
use crate::tls::state_dir::{FileAccess, StateDir, StateError};
use crate::tls::x509::cert_info::CertInfo;
use crate::tls::x509::pem;

pub(in crate::tls) const CA_KEY: &str = "ca.key";
pub(in crate::tls) const CA_CERTIFICATE: &str = "ca.pem";
pub(in crate::tls) const LEAF_KEY: &str = "leaf.key";
pub(in crate::tls) const LEAF_CERTIFICATE: &str = "leaf.pem";

/// A certificate and its parsed facts.
#[derive(Debug, Clone)]
pub(in crate::tls) struct Leaf {
    pub(in crate::tls) certificate: CertificateDer<'static>,
    pub(in crate::tls) facts: CertInfo,
}

impl Leaf {
    pub(in crate::tls) fn read(certificate: CertificateDer<'static>) -> Option<Self> {
        let facts = CertInfo::read(&certificate)?;
        Some(Self { certificate, facts })
    }

    fn from_pem(text: &[u8]) -> Option<Self> {
        Self::read(pem::certificates(text).ok()?.into_iter().next()?)
    }
}

/// The parts of a local CA that exist already.
#[derive(Debug, Clone, Default)]
pub(in crate::tls) struct StoredCa {
    pub(in crate::tls) authority: Option<Arc<SigningCa>>,
    /// The certificate's key.
    pub(in crate::tls) key: Option<Arc<KeyPair>>,
    /// The certificate, signed by `authority` for `key`.
    pub(in crate::tls) leaf: Option<Leaf>,
}

impl StoredCa {
    /// Reads the state directory. A certificate or its key that cannot be used is set aside with a warning, for it can
    /// be made anew; a CA that cannot be used is an error.
    pub(in crate::tls) fn read(dir: &StateDir) -> Result<Self, LocalCaError> {
        let authority = read_authority(dir)?;
        let key = read_or_set_aside(dir, LEAF_KEY, FileAccess::Private, |text| {
            let key = pem::private_key(text).ok().flatten()?;
            KeyPair::try_from(&key).ok()
        })?;
        let leaf = read_or_set_aside(dir, LEAF_CERTIFICATE, FileAccess::Public, Leaf::from_pem)?;
        let leaf = leaf.filter(|leaf| {
            let of_key = key.as_ref().is_some_and(|key| key.subject_public_key_info() == leaf.facts.public_key);
            if key.is_some() && !of_key {
                set_aside(dir, LEAF_CERTIFICATE, "it belongs to another key");
            }
            of_key && authority.as_ref().is_some_and(|ca| ca.signed(&leaf.certificate, &leaf.facts))
        });
        Ok(Self { authority: authority.map(Arc::new), key: key.map(Arc::new), leaf })
    }

    /// The state to begin with in a process that has used `before` until now. `before` can be ahead of the files, when
    /// it could not be written; but another usable CA on disk wins, because the operator put it there.
    pub(in crate::tls) fn carry_on(self, before: &LocalCa, now: OffsetDateTime) -> Self {
        let same_key = self.key.as_ref().is_some_and(|key| key.public_key_raw() == before.key.public_key_raw());
        let newer = self.leaf.as_ref().is_none_or(|leaf| leaf.facts.not_after < before.leaf.facts.not_after);
        let ahead = match &self.authority {
            Some(ca) if ca.certificate == before.authority.certificate => same_key && newer,
            Some(ca) => spent(&ca.facts, now),
            None => true,
        };
        if !ahead {
            return self;
        }
        Self {
            authority: Some(Arc::clone(&before.authority)),
            key: Some(Arc::clone(&before.key)),
            leaf: Some(before.leaf.clone()),
        }
    }

    /// Writes to the state directory the parts of `local` that it lacks. Keys first: a crash in between leaves a key
    /// without a certificate, which the next start completes.
    pub(in crate::tls) fn complete(&self, dir: &StateDir, local: &LocalCa) -> Result<(), StateError> {
        let ca = &local.authority.certificate;
        if self.authority.as_ref().is_none_or(|found| found.certificate != *ca) {
            dir.write(CA_KEY, local.authority.to_pem().as_bytes(), FileAccess::Private)?;
            dir.write(CA_CERTIFICATE, pem::encode(ca).as_bytes(), FileAccess::Public)?;
        }
        if self.key.as_ref().is_none_or(|found| found.public_key_raw() != local.key.public_key_raw()) {
            dir.write(LEAF_KEY, local.key.serialize_pem().as_bytes(), FileAccess::Private)?;
        }
        let leaf = &local.leaf.certificate;
        if self.leaf.as_ref().is_none_or(|found| found.certificate != *leaf) {
            dir.write(LEAF_CERTIFICATE, pem::encode(leaf).as_bytes(), FileAccess::Public)?;
        }
        Ok(())
    }
}

fn read_authority(dir: &StateDir) -> Result<Option<SigningCa>, LocalCaError> {
    let copy = dir.read(CA_CERTIFICATE, FileAccess::Public)?;
    let Some(text) = dir.read(CA_KEY, FileAccess::Private)? else {
        return match copy {
            None => Ok(None),
            Some(_) => Err(LocalCaError::KeyGone { key: dir.file(CA_KEY), certificate: dir.file(CA_CERTIFICATE) }),
        };
    };
    let authority =
        SigningCa::from_pem(&text).map_err(|what| LocalCaError::Damaged { path: dir.file(CA_KEY), what })?;
    let certificate = pem::encode(&authority.certificate);
    if copy.as_deref() != Some(certificate.as_bytes()) {
        match dir.write(CA_CERTIFICATE, certificate.as_bytes(), FileAccess::Public) {
            Ok(()) => {
                info!(file = %dir.file(CA_CERTIFICATE).display(), "wrote the CA's certificate anew from its key file");
            }
            Err(error) => warn!(%error, "the CA's certificate is not the one in its key file"),
        }
    }
    Ok(Some(authority))
}

fn read_or_set_aside<T>(
    dir: &StateDir,
    name: &str,
    access: FileAccess,
    parse: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<Option<T>, StateError> {
    let Some(text) = dir.read(name, access)? else { return Ok(None) };
    let parsed = parse(&text);
    if parsed.is_none() {
        set_aside(dir, name, "it cannot be read");
    }
    Ok(parsed)
}

fn set_aside(dir: &StateDir, name: &str, why: &str) {
    let file = dir.file(name);
    match dir.set_aside(name) {
        Ok(bad) => {
            warn!(file = %file.display(), moved_to = %bad.display(), "a damaged file makes way for a new one: {why}");
        }
        Err(error) => warn!(file = %file.display(), %error, "a damaged file is not used: {why}"),
    }
}
