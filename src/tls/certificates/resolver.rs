//! [`Certificates`]: the certificates that clients are shown at this moment.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;
use tokio::sync::Notify;
use tracing::{info, warn};

use super::addresses::AddressCerts;
use super::cert_store::{AddressedCert, CertStore, Issued, ServedCert};
use super::checked_cert::CheckedCert;
use crate::config::Name;
use crate::tls::x509::cert_info::CertInfo;

/// The certificates that handshakes show, replaceable while frontgate runs.
///
/// A change is seen by the next handshake; connections that live keep what they were opened with, and a resumed session
/// shows no certificate at all.
#[derive(Debug)]
pub struct Certificates {
    cert_store: ArcSwap<CertStore>,
    /// The certificates that answer challenges, by server name in lower case.
    challenges: ArcSwap<HashMap<String, Arc<CertifiedKey>>>,
    /// Makes the certificates for addresses, one at a time; none without a local CA.
    maker: Mutex<Option<AddressCerts>>,
    changed: Notify,
}

/// The certificate for a client.
#[derive(Debug, Clone)]
pub enum CertChoice {
    /// One that is at hand.
    Shown(Arc<ServedCert>),
    /// The one that [`Certificates::make`] makes for this address of ours.
    Make(IpAddr),
}

impl Certificates {
    /// Shows the certificates of `source`.
    pub fn of(source: &CheckedCert) -> Self {
        let (first, more) = source.shown();
        Self::with(CertStore::new(first, &more), source.addresses())
    }

    fn with(cert_store: CertStore, maker: Option<AddressCerts>) -> Self {
        Self {
            cert_store: ArcSwap::from_pointee(cert_store),
            challenges: ArcSwap::default(),
            maker: Mutex::new(maker),
            changed: Notify::new(),
        }
    }

    /// Shows the certificates of `source` from the next handshake on, and renews those for addresses that are due.
    /// Public ones stay. May read and write files.
    pub(crate) fn show(&self, source: &CheckedCert, now: OffsetDateTime) {
        let (first, more) = source.shown();
        let mut maker = self.maker.lock().unwrap_or_else(PoisonError::into_inner);
        *maker = source.addresses();
        if !self.cert_store.load().has_own(&first, &more) {
            self.cert_store.rcu(|cert_store| cert_store.with_own(Arc::clone(&first), &more));
            self.changed.notify_one();
        }
        if let Some(maker) = &*maker {
            let made: Vec<IpAddr> = self.cert_store.load().addresses.keys().copied().collect();
            for address in made {
                self.make_with(maker, address, now);
            }
        }
    }

    /// Shows `certificate` to clients that ask for `name`, from the next handshake on; with `None` the configured
    /// certificate takes over again.
    pub(crate) fn set_public(&self, name: &Name, certificate: Option<Arc<CertifiedKey>>) {
        let shown = certificate.map(|certificate| ServedCert::new(certificate, Issued::Elsewhere));
        self.cert_store.rcu(|cert_store| cert_store.with_public(name, shown.as_ref()));
        self.changed.notify_one();
    }

    /// Answers a challenge: `certificate` is shown to clients that offer the protocol `acme-tls/1` alone and ask for
    /// `sni` (RFC 8737 §3; for an IP address its name in `in-addr.arpa` or `ip6.arpa`, RFC 8738 §6). `None` ends that.
    pub(crate) fn set_challenge(&self, sni: &str, certificate: Option<Arc<CertifiedKey>>) {
        let sni = sni.to_ascii_lowercase();
        let answers: Vec<_> = certificate.into_iter().map(|certificate| (sni.clone(), certificate)).collect();
        self.challenges.rcu(|challenges| {
            let others = challenges.iter().filter(|(name, _)| **name != sni);
            others
                .map(|(name, answer)| (name.clone(), Arc::clone(answer)))
                .chain(answers.clone())
                .collect::<HashMap<_, _>>()
        });
    }

    /// The answer to the challenge for `sni`, in lower case.
    pub(in crate::tls) fn challenge(&self, sni: &str) -> Option<Arc<CertifiedKey>> {
        self.challenges.load().get(sni).cloned()
    }

    /// The certificate for a client that asks for `name`, in lower case, or that sends no name and reached us at
    /// `address`. The address is `None` where the client cannot have dialled it, as behind a proxy.
    pub fn choose(&self, name: Option<&str>, address: Option<IpAddr>) -> CertChoice {
        let cert_store = self.cert_store.load();
        match (name, address) {
            (Some(name), _) => CertChoice::Shown(Arc::clone(cert_store.by_name(name))),
            (None, address) => match (cert_store.by_address(address), address) {
                (AddressedCert::Shown(shown), _) => CertChoice::Shown(shown),
                (AddressedCert::Missing, Some(address)) if self.makes_for(&cert_store, address) => {
                    CertChoice::Make(address)
                }
                (AddressedCert::Missing, _) => CertChoice::Shown(Arc::clone(cert_store.default())),
            },
        }
    }

    fn makes_for(&self, cert_store: &CertStore, address: IpAddr) -> bool {
        let room = cert_store.addresses.len() < AddressCerts::MOST;
        // No certificate is made for the unspecified address or a multicast one.
        let can_be = !(address.is_unspecified() || address.is_multicast());
        // Rarely contended: a lock that is held means that another handshake makes one.
        room && can_be && self.maker.try_lock().map_or(true, |maker| maker.is_some())
    }

    /// Makes the certificate for an address of this machine that a client has reached us at, or reads the one that was
    /// made before. Reads and writes files: not for an async task.
    pub(crate) fn make(&self, address: IpAddr, now: OffsetDateTime) -> Arc<ServedCert> {
        let maker = self.maker.lock().unwrap_or_else(PoisonError::into_inner);
        if let AddressedCert::Shown(shown) = self.cert_store.load().by_address(Some(address)) {
            return shown;
        }
        let made = maker.as_ref().and_then(|maker| self.make_with(maker, address, now));
        made.unwrap_or_else(|| Arc::clone(self.cert_store.load().default()))
    }

    fn make_with(&self, maker: &AddressCerts, address: IpAddr, now: OffsetDateTime) -> Option<Arc<ServedCert>> {
        let cert_store = self.cert_store.load();
        let before = cert_store.addresses.get(&address);
        if before.is_none() && cert_store.addresses.len() >= AddressCerts::MOST {
            return None;
        }
        let leaf = before.and_then(|shown| shown.certified().cert.first());
        let kept = |other: IpAddr| cert_store.addresses.contains_key(&other);
        match maker.certificate(address, leaf, &kept, now) {
            Ok(certified) => {
                let shown = ServedCert::new(certified, Issued::Here);
                self.cert_store.rcu(|cert_store| cert_store.with_address(address, &shown));
                Some(shown)
            }
            Err(error) => {
                warn!(%address, %error, "cannot make a certificate for this address");
                None
            }
        }
    }

    /// When the first of the shown certificates expires.
    pub(crate) fn first_life(&self) -> Option<(OffsetDateTime, OffsetDateTime)> {
        let cert_store = self.cert_store.load();
        let shown = cert_store.foreign().chain([cert_store.default()]);
        let infos = shown.filter_map(|shown| CertInfo::read(shown.certified().cert.first()?));
        infos.min_by_key(|info| info.not_after).map(|info| (info.not_before, info.not_after))
    }

    /// The names of each certificate that is shown, and its begin and end; without those that were made for addresses of
    /// this machine.
    pub(crate) fn lives(&self) -> Vec<(Vec<String>, OffsetDateTime, OffsetDateTime)> {
        let cert_store = self.cert_store.load();
        let shown = cert_store.foreign().chain([cert_store.default()]);
        let infos = shown.filter_map(|shown| CertInfo::read(shown.certified().cert.first()?));
        infos
            .map(|info| (info.names.iter().map(ToString::to_string).collect(), info.not_before, info.not_after))
            .collect()
    }

    /// Resolves when other certificates are shown than at the last call.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Whether there is a certificate that the local CA has not made.
    pub(in crate::tls) fn any_foreign(&self) -> bool {
        self.cert_store.load().foreign().next().is_some()
    }

    /// Notes which certificates the public trusts, by `trusts`.
    pub(in crate::tls) fn judge(&self, trusts: impl Fn(&CertifiedKey, &[Name]) -> bool) {
        for shown in self.cert_store.load().foreign() {
            let (before, trusted) = (shown.is_trusted(), trusts(shown.certified(), shown.names()));
            shown.judge(trusted);
            if trusted != before {
                let names: Vec<_> = shown.names().iter().map(ToString::to_string).collect();
                info!(
                    names = names.join(","),
                    trusted, "this system trusts the issuer of the certificate as the public does"
                );
            }
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let cert_store = self.cert_store.load();
        let shown = hello.server_name().map_or(cert_store.default(), |name| cert_store.by_name(name));
        Some(Arc::clone(shown.certified()))
    }
}
