//! [`CertStore`]: every certificate at hand, and which of them a client is shown. Pure: a name or an address in, a
//! choice out.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::sign::CertifiedKey;

use crate::config::Name;
use crate::tls::x509::cert_info::{CertInfo, covers};

/// A certificate that is shown to clients.
#[derive(Debug)]
pub struct ServedCert {
    certified: Arc<CertifiedKey>,
    names: Vec<Name>,
    issued: Issued,
    trusted: AtomicBool,
}

/// The issuer of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tls) enum Issued {
    /// Our own CA, which the public does not know.
    Here,
    /// Another issuer.
    Elsewhere,
}

impl ServedCert {
    pub(in crate::tls) fn new(certified: Arc<CertifiedKey>, issued: Issued) -> Arc<Self> {
        let names =
            certified.cert.first().and_then(|leaf| CertInfo::read(leaf)).map_or_else(Vec::new, |facts| facts.names);
        Arc::new(Self { certified, names, issued, trusted: AtomicBool::new(false) })
    }

    fn is_same(&self, other: &Self) -> bool {
        self.certified.cert == other.certified.cert && self.certified.ocsp == other.certified.ocsp
    }

    /// The chain and the key for the handshake.
    pub fn certified(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }

    /// The names that the certificate is for.
    pub(crate) fn names(&self) -> &[Name] {
        &self.names
    }

    /// Whether it is for the DNS name `name`, in lower case.
    pub(crate) fn covers(&self, name: &str) -> bool {
        covers(&self.names, &Name::Dns(name.to_owned()))
    }

    /// Whether the public is known to trust the certificate. Starts as `false`, and stays so for the local CA's.
    pub(crate) fn is_trusted(&self) -> bool {
        self.trusted.load(Ordering::Relaxed)
    }

    pub(in crate::tls) fn judge(&self, trusted: bool) {
        self.trusted.store(trusted && self.issued == Issued::Elsewhere, Ordering::Relaxed);
    }
}

/// The certificate for a client that sent no server name (RFC 6066 §3 allows none for an IP address).
#[derive(Debug, Clone)]
pub(in crate::tls) enum AddressedCert {
    /// One that is at hand.
    Shown(Arc<ServedCert>),
    /// None is at hand, but the local CA can make one.
    Missing,
}

/// Every certificate at hand.
#[derive(Debug, Clone)]
pub(in crate::tls) struct CertStore {
    default: Arc<ServedCert>,
    more: Vec<Arc<ServedCert>>,
    /// `default` and `more` by name.
    own: CertTable,
    public: CertTable,
    /// The certificates that the local CA made for addresses of this machine.
    pub(in crate::tls) addresses: BTreeMap<IpAddr, Arc<ServedCert>>,
}

impl CertStore {
    /// `own` are the configured certificates; a client that asks for a name that none of them has gets `first`.
    pub(in crate::tls) fn new(first: Arc<ServedCert>, more: &[Arc<ServedCert>]) -> Self {
        let mut own = CertTable::default();
        for shown in std::iter::once(&first).chain(more) {
            for name in &shown.names {
                own.add(name, shown);
            }
        }
        Self { default: first, more: more.to_vec(), own, public: CertTable::default(), addresses: BTreeMap::new() }
    }

    /// Whether `first` and `more` are the configured certificates already.
    pub(in crate::tls) fn has_own(&self, first: &ServedCert, more: &[Arc<ServedCert>]) -> bool {
        let same = |(one, other): (&Arc<ServedCert>, &Arc<ServedCert>)| one.is_same(other);
        self.default.is_same(first) && self.more.len() == more.len() && self.more.iter().zip(more).all(same)
    }

    /// This store with other configured certificates.
    pub(in crate::tls) fn with_own(&self, first: Arc<ServedCert>, more: &[Arc<ServedCert>]) -> Self {
        Self { public: self.public.clone(), addresses: self.addresses.clone(), ..Self::new(first, more) }
    }

    /// This store with another public certificate for `name`, or without one.
    pub(in crate::tls) fn with_public(&self, name: &Name, shown: Option<&Arc<ServedCert>>) -> Self {
        let mut cert_store = self.clone();
        cert_store.public.remove(name);
        if let Some(shown) = shown {
            cert_store.public.add(name, shown);
        }
        cert_store
    }

    /// This store with a certificate for an address of this machine.
    pub(in crate::tls) fn with_address(&self, address: IpAddr, shown: &Arc<ServedCert>) -> Self {
        let mut cert_store = self.clone();
        cert_store.addresses.insert(address, Arc::clone(shown));
        cert_store
    }

    /// The certificate for a client that asks for a name none of ours covers: the handshake must succeed for the page
    /// that explains the mistake to be seen.
    pub(in crate::tls) fn default(&self) -> &Arc<ServedCert> {
        &self.default
    }

    /// For a client that asks for `name`, in lower case: a public certificate before one of our own, and among each
    /// kind the exact name before the wildcard.
    pub(in crate::tls) fn by_name(&self, name: &str) -> &Arc<ServedCert> {
        self.public.by_name(name).or_else(|| self.own.by_name(name)).unwrap_or(&self.default)
    }

    /// For a client that sends no name and reached us at `address`, if that is known.
    pub(in crate::tls) fn by_address(&self, address: Option<IpAddr>) -> AddressedCert {
        let any_public = |fits: &dyn Fn(&IpAddr) -> bool| {
            self.public.addresses.iter().find(|(public, _)| fits(public)).map(|(_, shown)| shown)
        };
        let Some(address) = address else {
            return AddressedCert::Shown(Arc::clone(any_public(&|_| true).unwrap_or(&self.default)));
        };
        let found = self.public.addresses.get(&address).or_else(|| self.own.addresses.get(&address)).or_else(|| {
            // A rented server often has a private address, and its public one belongs to a router in front of it.
            let behind_nat = is_private(address);
            behind_nat.then(|| any_public(&|public| public.is_ipv4() == address.is_ipv4()))?
        });
        match found.or_else(|| self.addresses.get(&address)) {
            Some(shown) => AddressedCert::Shown(Arc::clone(shown)),
            None => AddressedCert::Missing,
        }
    }

    /// Each certificate of another issuer than the local CA.
    pub(in crate::tls) fn foreign(&self) -> impl Iterator<Item = &Arc<ServedCert>> {
        [&self.own, &self.public].into_iter().flat_map(CertTable::all).filter(|shown| shown.issued == Issued::Elsewhere)
    }
}

/// Certificates by the names and addresses that they are for.
#[derive(Debug, Clone, Default)]
struct CertTable {
    exact: HashMap<String, Arc<ServedCert>>,
    /// By the name after the `*.`.
    wildcards: HashMap<String, Arc<ServedCert>>,
    addresses: BTreeMap<IpAddr, Arc<ServedCert>>,
}

impl CertTable {
    /// Of two certificates for one name the first counts.
    fn add(&mut self, name: &Name, shown: &Arc<ServedCert>) {
        let shown = Arc::clone(shown);
        match name {
            Name::Ip(address) => _ = self.addresses.entry(*address).or_insert(shown),
            Name::Dns(name) => match name.strip_prefix("*.") {
                Some(parent) => _ = self.wildcards.entry(parent.to_ascii_lowercase()).or_insert(shown),
                None => _ = self.exact.entry(name.to_ascii_lowercase()).or_insert(shown),
            },
        }
    }

    fn remove(&mut self, name: &Name) {
        match name {
            Name::Ip(address) => _ = self.addresses.remove(address),
            Name::Dns(name) => match name.strip_prefix("*.") {
                Some(parent) => _ = self.wildcards.remove(&parent.to_ascii_lowercase()),
                None => _ = self.exact.remove(&name.to_ascii_lowercase()),
            },
        }
    }

    /// A wildcard stands for exactly one label (RFC 9525 §6.3).
    fn by_name(&self, name: &str) -> Option<&Arc<ServedCert>> {
        self.exact.get(name).or_else(|| self.wildcards.get(name.split_once('.')?.1))
    }

    fn all(&self) -> impl Iterator<Item = &Arc<ServedCert>> {
        self.exact.values().chain(self.wildcards.values()).chain(self.addresses.values())
    }
}

/// Addresses that are never dialled from afar (RFC 1918, RFC 6598, RFC 4193). Not loopback: a client that dials
/// loopback runs on this machine.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || (v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
