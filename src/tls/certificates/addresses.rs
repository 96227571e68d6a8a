//! [`AddressCerts`]: certificates of the local CA for addresses of this machine, made when a client first dials one.
//! Each is a certificate of its own, so that a further address changes nothing for clients that pinned what they saw.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;
use std::{fs, io};

use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, SigningKey};
use time::OffsetDateTime;
use tracing::{debug, info, warn};

use crate::config::Name;
use crate::tls::local_ca::authority::SigningCa;
use crate::tls::local_ca::plan::{LocalCaPlan, plan};
use crate::tls::local_ca::stored_ca::Leaf;
use crate::tls::local_ca::{LocalCa, LocalCaError};
use crate::tls::state_dir::{FileAccess, StateDir};
use crate::tls::x509::fingerprint::Fingerprint;
use crate::tls::x509::pem;

/// Makes and keeps the certificates for addresses.
#[derive(Debug)]
pub(in crate::tls) struct AddressCerts {
    local: Arc<LocalCa>,
    /// The same key as the main certificate's, for clients that pin the public key.
    signing: Arc<dyn SigningKey>,
    dir: Option<StateDir>,
    /// The names that every certificate of frontgate's carries.
    names: Vec<Name>,
}

impl AddressCerts {
    /// The most certificates that are kept: a machine has a few addresses, but may have a fresh one every day
    /// (RFC 8981).
    pub(in crate::tls) const MOST: usize = 64;

    pub(in crate::tls) fn new(
        local: Arc<LocalCa>,
        signing: Arc<dyn SigningKey>,
        dir: Option<StateDir>,
        names: Vec<Name>,
    ) -> Self {
        Self { local, signing, dir, names }
    }

    /// The certificate for `address`: the one on disk, else `before`, else a new one. The files of addresses for which
    /// `kept` is true must stay.
    pub(in crate::tls) fn certificate(
        &self,
        address: IpAddr,
        before: Option<&CertificateDer<'static>>,
        kept: &dyn Fn(IpAddr) -> bool,
        now: OffsetDateTime,
    ) -> Result<Arc<CertifiedKey>, LocalCaError> {
        // Two processes must not make two certificates. A folder that cannot be locked cannot be written to either.
        let _lock = self.dir.as_ref().and_then(|dir| dir.lock().inspect_err(|error| debug!(%error, "no lock")).ok());
        let mut names = vec![Name::Ip(address)];
        names.extend(self.names.iter().filter(|name| **name != Name::Ip(address)).cloned());
        // A name that the CA cannot sign for would be found missing in the certificate each time.
        let names = self.authority().permitted(&names);
        let stored = self.stored(address);
        let stored = stored.as_ref().filter(|leaf| self.is_good(leaf, &names, now));
        let before = || before.and_then(|leaf| Leaf::read(leaf.clone())).filter(|leaf| self.is_good(leaf, &names, now));
        let leaf = if let Some(leaf) = stored.cloned().or_else(before) {
            leaf.certificate
        } else {
            let leaf = self.authority().sign(&self.local.key, &names, now)?;
            info!(%address, fingerprint = %Fingerprint::of(&leaf), "made a certificate for an address of this machine");
            leaf
        };
        if stored.is_none() {
            self.store(address, &leaf, kept);
        }
        Ok(Arc::new(CertifiedKey::new(vec![leaf], Arc::clone(&self.signing))))
    }

    fn authority(&self) -> &SigningCa {
        &self.local.authority
    }

    /// Signed by our CA for our key, and not due for renewal.
    fn is_good(&self, leaf: &Leaf, names: &[Name], now: OffsetDateTime) -> bool {
        let ca = self.authority();
        leaf.facts.public_key == self.local.leaf.facts.public_key
            && ca.signed(&leaf.certificate, &leaf.facts)
            && plan(Some(&ca.facts), Some(&leaf.facts), names, now) == LocalCaPlan::Keep
    }

    fn stored(&self, address: IpAddr) -> Option<Leaf> {
        let dir = self.dir.as_ref()?;
        let text =
            dir.read(&file_name(address), FileAccess::Public).inspect_err(|error| warn!(%error, "not used")).ok()??;
        Leaf::read(pem::certificates(&text).ok()?.into_iter().next()?)
    }

    fn store(&self, address: IpAddr, leaf: &CertificateDer<'_>, kept: &dyn Fn(IpAddr) -> bool) {
        let Some(dir) = &self.dir else { return };
        let stored = dir.write(&file_name(address), pem::encode(leaf).as_bytes(), FileAccess::Public);
        if let Err(error) = stored {
            warn!(%error, "a certificate is kept in memory only: after a restart clients must accept another one");
        } else if let Err(error) = make_room(dir, address, kept) {
            debug!(%error, "old certificates stay");
        }
    }
}

/// Removes the files that were written longest ago until no more than [`AddressCerts::MOST`] are left, but none that is
/// in use.
fn make_room(dir: &StateDir, written: IpAddr, kept: &dyn Fn(IpAddr) -> bool) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir.path())? {
        let entry = entry?;
        if let Some(address) = entry.file_name().to_str().and_then(address_of) {
            let modified = entry.metadata().and_then(|file| file.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            files.push((modified, address));
        }
    }
    let surplus = files.len().saturating_sub(AddressCerts::MOST);
    files.retain(|(_, address)| *address != written && !kept(*address));
    files.sort_unstable();
    for (_, address) in files.into_iter().take(surplus) {
        fs::remove_file(dir.file(&file_name(address)))?;
    }
    Ok(())
}

/// Too many tools take a colon in a file name for something else.
fn file_name(address: IpAddr) -> String {
    format!("address-{}.pem", address.to_string().replace(':', "_"))
}

fn address_of(file: &str) -> Option<IpAddr> {
    file.strip_prefix("address-")?.strip_suffix(".pem")?.replace('_', ":").parse().ok()
}

#[cfg(test)]
mod tests;
