//! [`LocalCa`]: the certificate that needs no setup, kept in the state directory or, failing that, in memory.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{KeyPair, PublicKeyData};
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use tracing::{debug, info, warn};

use super::authority::Authority;
use super::facts::Facts;
use super::fingerprint::Fingerprint;
use super::pem;
use super::plan::{Plan, Why, plan};
use super::state::{Access, StateDir, StateError};
use crate::config::Name;

const CA_KEY: &str = "ca.key";
const CA_CERTIFICATE: &str = "ca.pem";
const LEAF_KEY: &str = "leaf.key";
const LEAF_CERTIFICATE: &str = "leaf.pem";
/// More names than this are not carried over from the certificate before.
const MAX_NAMES: usize = 100;

/// A CA with the certificate it signed for this machine.
#[derive(Debug)]
pub(super) struct LocalCa {
    authority: Arc<Authority>,
    pub(super) key: Arc<KeyPair>,
    pub(super) leaf: Leaf,
    /// Where the CA's certificate lies; `None` when it could not be kept.
    pub(super) ca_path: Option<PathBuf>,
}

/// A certificate and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) facts: Facts,
}

/// What the certificate is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The configured names.
    pub(super) names: &'a [Name],
    /// The machine's own name. It goes into every new certificate, but is no reason to make one: a container has another name
    /// at each start.
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
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The CA's certificate is there without its key.
    #[error(
        "{key} is missing, but {certificate} is there; restore the key from a backup, or delete the certificate to begin with \
         a new CA, which clients must then trust anew"
    )]
    KeyGone {
        /// The missing file.
        key: PathBuf,
        /// The file that is there.
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
    /// Reads the CA and its certificate from `dir`, makes what is missing or due, and keeps that in `dir`. What cannot be kept
    /// is used all the same, with a warning. `before` is what this process used until now, if anything.
    pub(super) fn open(
        dir: Option<&StateDir>,
        wanted: Wanted<'_>,
        before: Option<&Self>,
        now: OffsetDateTime,
    ) -> Result<Self, LocalCaError> {
        // Two processes that start at once must not make two CAs. A folder without a lock cannot be written to either.
        let _lock = dir.and_then(|dir| dir.lock().inspect_err(|error| debug!(%error, "no lock")).ok());
        let mut found = dir.map(Found::read).transpose()?.unwrap_or_default();
        let stored = match before {
            Some(before) => found.carry_on(before),
            None => found.stored(),
        };

        let required = required(wanted.names);
        let plan = plan(
            found.authority.as_deref().map(|ca| &ca.facts),
            found.leaf.as_ref().map(|leaf| &leaf.facts),
            &required,
            now,
        );
        let authority = match (&plan, found.authority) {
            (Plan::Keep | Plan::NewLeaf(_), Some(authority)) => authority,
            (_, _) => Arc::new(Authority::generate(wanted.host, now)?),
        };
        let key = match found.key {
            Some(key) => key,
            None => Arc::new(KeyPair::generate()?),
        };
        let leaf = match (&plan, found.leaf) {
            (Plan::Keep, Some(leaf)) => leaf,
            (plan, old) => {
                let names = new_names(required, wanted.host, plan, old.as_ref());
                Leaf::read(authority.sign(&key, &names, now)?).ok_or(rcgen::Error::CouldNotParseCertificate)?
            }
        };
        let made = Self { authority, key, leaf, ca_path: dir.map(|dir| dir.file(CA_CERTIFICATE)) };
        Ok(made.keep(dir, &plan, stored, now))
    }

    /// The CA's certificate.
    pub(super) fn authority(&self) -> &CertificateDer<'static> {
        &self.authority.certificate
    }

    fn keep(mut self, dir: Option<&StateDir>, plan: &Plan, stored: Stored, now: OffsetDateTime) -> Self {
        let new_ca = matches!(plan, Plan::NewCa(_));
        let written = dir.map(|dir| {
            self.write(
                dir,
                Stored {
                    authority: stored.authority && !new_ca,
                    key: stored.key,
                    leaf: stored.leaf && *plan == Plan::Keep,
                },
            )
        });
        if let Some(Err(error)) = written {
            warn!(%error, "the certificate is kept in memory only: after a restart clients must trust another one");
            self.ca_path = self.ca_path.filter(|_| stored.authority && !new_ca);
        }
        let fingerprint = Fingerprint::of(&self.leaf.certificate);
        let not_after = self.leaf.facts.not_after;
        match plan {
            Plan::Keep if now < self.leaf.facts.not_before => {
                warn!(not_before = %self.leaf.facts.not_before, "the clock is behind the certificate; check the system time");
            }
            Plan::Keep => {}
            Plan::NewCa(Why::Missing) => info!(%fingerprint, %not_after, "made a local CA and a certificate"),
            Plan::NewCa(why) => {
                warn!(%fingerprint, %not_after, "the local CA was replaced because {why}: clients must trust the new one");
            }
            Plan::NewLeaf(Why::Missing) => info!(%fingerprint, %not_after, "made a certificate"),
            Plan::NewLeaf(why) => {
                info!(%fingerprint, %not_after, "renewed the certificate with the same key because {why}");
            }
        }
        self
    }

    /// Writes what is not stored. Keys first: a crash in between leaves a key without a certificate, which the next start
    /// completes.
    fn write(&self, dir: &StateDir, stored: Stored) -> Result<(), StateError> {
        if !stored.authority {
            dir.write(CA_KEY, self.authority.to_pem().as_bytes(), Access::Private)?;
            dir.write(CA_CERTIFICATE, pem::encode(&self.authority.certificate).as_bytes(), Access::Public)?;
        }
        if !stored.key {
            dir.write(LEAF_KEY, self.key.serialize_pem().as_bytes(), Access::Private)?;
        }
        if !stored.leaf {
            dir.write(LEAF_CERTIFICATE, pem::encode(&self.leaf.certificate).as_bytes(), Access::Public)?;
        }
        Ok(())
    }
}

impl Leaf {
    fn read(certificate: CertificateDer<'static>) -> Option<Self> {
        let facts = Facts::read(&certificate)?;
        Some(Self { certificate, facts })
    }

    fn from_pem(text: &[u8]) -> Option<Self> {
        Self::read(pem::certificates(text).ok()?.into_iter().next()?)
    }
}

/// Which parts of what is used came from the state directory.
#[derive(Debug, Clone, Copy)]
struct Stored {
    authority: bool,
    key: bool,
    leaf: bool,
}

/// What the state directory holds.
#[derive(Debug, Default)]
struct Found {
    authority: Option<Arc<Authority>>,
    key: Option<Arc<KeyPair>>,
    /// Signed by `authority` for `key`.
    leaf: Option<Leaf>,
}

impl Found {
    fn read(dir: &StateDir) -> Result<Self, LocalCaError> {
        let authority = read_authority(dir)?;
        let key = read_or_set_aside(dir, LEAF_KEY, Access::Private, |text| {
            let key = pem::private_key(text).ok().flatten()?;
            KeyPair::try_from(&key).ok()
        })?;
        let leaf = read_or_set_aside(dir, LEAF_CERTIFICATE, Access::Public, Leaf::from_pem)?;
        let leaf = leaf.filter(|leaf| {
            let of_key = key.as_ref().is_some_and(|key| key.subject_public_key_info() == leaf.facts.public_key);
            if key.is_some() && !of_key {
                set_aside(dir, LEAF_CERTIFICATE, "it belongs to another key");
            }
            of_key && authority.as_ref().is_some_and(|ca| ca.signed(&leaf.certificate, &leaf.facts))
        });
        Ok(Self { authority: authority.map(Arc::new), key: key.map(Arc::new), leaf })
    }

    fn stored(&self) -> Stored {
        Stored { authority: self.authority.is_some(), key: self.key.is_some(), leaf: self.leaf.is_some() }
    }

    /// Puts in what the process used `before` where that could not be kept: all of it when no CA is stored, its certificate
    /// when that is the newer one of the same CA and key.
    fn carry_on(&mut self, before: &LocalCa) -> Stored {
        let same_ca = self.authority.as_ref().is_some_and(|ca| ca.certificate == before.authority.certificate);
        let same_key = self.key.as_ref().is_some_and(|key| key.public_key_raw() == before.key.public_key_raw());
        let newer = self.leaf.as_ref().is_none_or(|leaf| leaf.facts.not_after < before.leaf.facts.not_after);
        if self.authority.is_none() {
            self.authority = Some(Arc::clone(&before.authority));
            self.key = Some(Arc::clone(&before.key));
            self.leaf = Some(before.leaf.clone());
            return Stored { authority: false, key: false, leaf: false };
        }
        let stored = self.stored();
        if same_ca && same_key && newer {
            self.leaf = Some(before.leaf.clone());
            return Stored { leaf: false, ..stored };
        }
        stored
    }
}

fn read_authority(dir: &StateDir) -> Result<Option<Authority>, LocalCaError> {
    let copy = dir.read(CA_CERTIFICATE, Access::Public)?;
    let Some(text) = dir.read(CA_KEY, Access::Private)? else {
        return match copy {
            None => Ok(None),
            Some(_) => Err(LocalCaError::KeyGone { key: dir.file(CA_KEY), certificate: dir.file(CA_CERTIFICATE) }),
        };
    };
    let authority =
        Authority::from_pem(&text).map_err(|what| LocalCaError::Damaged { path: dir.file(CA_KEY), what })?;
    let certificate = pem::encode(&authority.certificate);
    if copy.as_deref() != Some(certificate.as_bytes()) {
        match dir.write(CA_CERTIFICATE, certificate.as_bytes(), Access::Public) {
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
    access: Access,
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

/// The names a certificate must have: the configured ones, and those of this very machine.
fn required(names: &[Name]) -> Vec<Name> {
    let own =
        [Name::Dns("localhost".to_owned()), Name::Ip(Ipv4Addr::LOCALHOST.into()), Name::Ip(Ipv6Addr::LOCALHOST.into())];
    let mut required = Vec::new();
    names.iter().cloned().chain(own).for_each(|name| add(&mut required, name));
    required
}

/// The names of a new certificate. One that is made because a name was added keeps those it had, so that two processes with
/// different names settle on one certificate instead of taking turns.
fn new_names(required: Vec<Name>, host: Option<&str>, plan: &Plan, old: Option<&Leaf>) -> Vec<Name> {
    let mut names = required;
    host.map(str::to_ascii_lowercase)
        .filter(|host| is_dns_name(host))
        .into_iter()
        .map(Name::Dns)
        .for_each(|name| add(&mut names, name));
    if let (Plan::NewLeaf(Why::NameAdded(_)), Some(old)) = (plan, old)
        && names.len() + old.facts.names.len() <= MAX_NAMES
    {
        old.facts.names.iter().cloned().for_each(|name| add(&mut names, name));
    }
    names
}

fn add(names: &mut Vec<Name>, name: Name) {
    if !names.contains(&name) {
        names.push(name);
    }
}

/// Letters, digits and hyphens in labels of 1 to 63 characters (RFC 1123 §2.1): a machine may be called anything.
fn is_dns_name(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}
