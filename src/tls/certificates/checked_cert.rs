//! [`CheckedCert`]: the certificate that the configuration asks for.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;
use tracing::warn;

use super::addresses::AddressCerts;
use super::cert_store::{Issued, ServedCert};
use super::files;
use super::files::{CertFileError, CertKeyPair};
use super::watched_cert_files::WatchedCertFiles;
use crate::config::{Certificate, Name, Tls};
use crate::tls::local_ca::names;
use crate::tls::local_ca::{LeafRequest, LocalCa, LocalCaError};
use crate::tls::session::crypto;
use crate::tls::state_dir::StateDir;
use crate::tls::x509::cert_info::CertInfo;
use crate::tls::x509::fingerprint::Fingerprint;

/// A certificate with its key, checked and ready to be shown, and the facts about it that the log reports.
#[derive(Debug)]
pub struct CheckedCert {
    certified: Arc<CertifiedKey>,
    facts: CertInfo,
    fingerprint: Fingerprint,
    kind: CheckedCertKind,
}

#[derive(Debug)]
enum CheckedCertKind {
    Local(Local),
    /// The first is the one that `certified` and `facts` are of.
    Files(Vec<WatchedCertFiles>),
}

/// The parts with which the local CA makes further certificates.
#[derive(Debug)]
struct Local {
    ca: Arc<LocalCa>,
    dir: Option<StateDir>,
    /// The names that every certificate must have.
    names: Vec<Name>,
}

/// Why there is no certificate to show.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The local CA cannot be used.
    #[error(transparent)]
    LocalCa(#[from] LocalCaError),
    /// The configured files cannot be used.
    #[error(transparent)]
    Files(#[from] CertFileError),
    /// An empty list of files, which the configuration refuses.
    #[error("no certificate is configured; check `tls.certificate`")]
    None,
    /// The cryptographic library refused a key that it made itself.
    #[error("cannot use the local certificate's key: {0}")]
    Key(#[from] rustls::Error),
}

impl CheckedCert {
    /// Reads or makes the certificate of `tls`. The local CA lives in `state_dir`; without one, or when it cannot be
    /// written, a certificate is made that lasts as long as the process, with a warning.
    ///
    /// Reads and writes files, waits for other processes that do so: not for an async task.
    pub fn open(tls: &Tls, state_dir: Option<&Path>, now: OffsetDateTime) -> Result<Self, TlsError> {
        match &tls.certificate {
            Certificate::Local | Certificate::Acme => Self::local(None, &tls.names, state_dir, now),
            Certificate::Files(files) => {
                let kept =
                    files.iter().map(|files| WatchedCertFiles::open(files, now)).collect::<Result<Vec<_>, _>>()?;
                let all: Vec<_> = kept.iter().map(|kept| &kept.pair.facts).collect();
                for name in files::uncovered(&all, &tls.names) {
                    warn!(%name, "the certificate is not for this name: clients that ask for it will refuse it");
                }
                Self::files(kept)
            }
        }
    }

    /// Opens again, later: the same certificate unless it was due for renewal, files changed, or names were added
    /// (compare the fingerprints). Unlike [`CheckedCert::open`] this carries a CA on that lives in memory only, and
    /// files that cannot be used any more are no error: the certificate that was read from them before stays.
    pub(crate) fn renewed(&self, tls: &Tls, state_dir: Option<&Path>, now: OffsetDateTime) -> Result<Self, TlsError> {
        match (&self.kind, &tls.certificate) {
            (CheckedCertKind::Files(kept), Certificate::Files(_)) => {
                Self::files(kept.iter().map(|kept| kept.again(now)).collect())
            }
            (CheckedCertKind::Local(local), Certificate::Local | Certificate::Acme) => {
                Self::local(Some(&local.ca), &tls.names, state_dir, now)
            }
            _ => Self::open(tls, state_dir, now),
        }
    }

    fn files(kept: Vec<WatchedCertFiles>) -> Result<Self, TlsError> {
        let CertKeyPair { certified, facts } = kept.first().ok_or(TlsError::None)?.pair.clone();
        Ok(Self::new(certified, facts, CheckedCertKind::Files(kept)))
    }

    fn local(
        before: Option<&LocalCa>,
        names: &[Name],
        state_dir: Option<&Path>,
        now: OffsetDateTime,
    ) -> Result<Self, TlsError> {
        let dir = match state_dir.map(StateDir::open) {
            Some(Ok(dir)) => Some(dir),
            Some(Err(error)) => {
                warn!(%error, "the certificate is kept in memory only: after a restart clients must accept another one");
                None
            }
            None => {
                warn!("no state directory: after a restart clients must accept another certificate; set `state_dir`");
                None
            }
        };
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let local = LocalCa::open(dir.as_ref(), LeafRequest { names, host: Some(&host) }, before, now)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(local.key.serialize_der()));
        let key = crypto::provider().key_provider.load_private_key(key)?;
        let certified = CertifiedKey::new(vec![local.leaf.certificate.clone()], key);
        let facts = local.leaf.facts.clone();
        let local = Local { ca: Arc::new(local), dir, names: names::required(names) };
        Ok(Self::new(Arc::new(certified), facts, CheckedCertKind::Local(local)))
    }

    fn new(certified: Arc<CertifiedKey>, facts: CertInfo, kind: CheckedCertKind) -> Self {
        let fingerprint = Fingerprint::of(certified.cert.first().map_or(&[], |leaf| leaf.as_ref()));
        Self { certified, facts, fingerprint, kind }
    }

    /// Every certificate to be shown, the one for unknown names first.
    pub(in crate::tls) fn shown(&self) -> (Arc<ServedCert>, Vec<Arc<ServedCert>>) {
        let shown = |kept: &WatchedCertFiles| ServedCert::new(Arc::clone(&kept.pair.certified), Issued::Elsewhere);
        match &self.kind {
            CheckedCertKind::Local(_) => (ServedCert::new(self.certified_key(), Issued::Here), Vec::new()),
            CheckedCertKind::Files(kept) => {
                let more = kept.iter().skip(1).map(shown).collect();
                (ServedCert::new(self.certified_key(), Issued::Elsewhere), more)
            }
        }
    }

    /// The maker of certificates for addresses of this machine; `None` without a local CA.
    pub(in crate::tls) fn addresses(&self) -> Option<AddressCerts> {
        let Local { ca, dir, names } = self.as_local()?;
        Some(AddressCerts::new(Arc::clone(ca), Arc::clone(&self.certified.key), dir.clone(), names.clone()))
    }

    fn as_local(&self) -> Option<&Local> {
        match &self.kind {
            CheckedCertKind::Local(local) => Some(local),
            CheckedCertKind::Files(_) => None,
        }
    }

    /// The chain and the key for the handshake.
    pub(crate) fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }

    /// The certificates, the server's own first.
    #[cfg(test)]
    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.certified.cert
    }

    /// The fingerprint of the server's own certificate.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The names that the certificate is for.
    pub(crate) fn names(&self) -> &[Name] {
        &self.facts.names
    }

    /// Whether the certificate is the local CA's, which clients do not trust by themselves.
    #[cfg(test)]
    pub(crate) fn is_local(&self) -> bool {
        self.as_local().is_some()
    }

    /// The local CA's certificate, to be trusted by clients.
    pub(crate) fn ca(&self) -> Option<&CertificateDer<'static>> {
        Some(&self.as_local()?.ca.authority.certificate)
    }

    /// The PEM file with the local CA's certificate; `None` when it could not be kept or the certificate is not local.
    pub fn ca_path(&self) -> Option<&Path> {
        self.as_local()?.ca.ca_path.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use time::Duration;
    use time::macros::datetime;

    use super::{Certificate, CheckedCert, OffsetDateTime, Tls};
    use crate::config::CertificateFiles;

    const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

    #[test]
    fn the_local_certificate_is_the_same_after_a_restart() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("state");
        let first = CheckedCert::open(&Tls::default(), Some(&dir), NOW).unwrap();
        let second = CheckedCert::open(&Tls::default(), Some(&dir), NOW + Duration::days(30)).unwrap();
        assert_eq!(first.chain(), second.chain());
        assert_eq!(first.fingerprint(), second.fingerprint());
        assert!(second.is_local());
        assert_eq!(second.ca_path(), Some(dir.join("ca.pem").as_path()));
        assert_eq!(first.chain().len(), 1, "clients have the CA, it is not sent");
        assert!(first.facts.not_after - NOW < Duration::days(397));
    }

    #[test]
    fn a_state_directory_that_cannot_be_written_is_no_reason_not_to_serve() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("file");
        fs::write(&file, "").unwrap();
        for dir in [Some(file.join("state")), None] {
            let first = CheckedCert::open(&Tls::default(), dir.as_deref(), NOW).unwrap();
            assert_eq!((first.is_local(), first.ca_path()), (true, None));
            assert!(first.ca().is_some());
            let later = first.renewed(&Tls::default(), dir.as_deref(), NOW + Duration::days(1)).unwrap();
            assert_eq!(first.fingerprint(), later.fingerprint());
        }
    }

    #[test]
    fn keys_cannot_be_printed() {
        let source = CheckedCert::open(&Tls::default(), None, NOW).unwrap();
        let key = source.as_local().unwrap().ca.key.serialize_der();
        let printed = format!("{source:?}");
        assert!(printed.contains("[secret key elided]"), "{printed}");
        // Ten bytes from the middle of the secret.
        let secret = format!("{:?}", &key[40..50]);
        assert!(!printed.contains(secret.trim_matches(['[', ']'])), "{printed}");
    }

    #[test]
    fn a_damaged_ca_stops_the_start() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("ca.key"), "").unwrap();
        let error = CheckedCert::open(&Tls::default(), Some(temp.path()), NOW).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}/ca.key is damaged", temp.path().display())), "{error}");
    }

    #[test]
    fn files_are_shown_as_they_are_and_read_again_later() {
        let temp = tempfile::tempdir().unwrap();
        let (one, two) = (temp.path().join("one"), temp.path().join("two"));
        let made = [&one, &two].map(|dir| CheckedCert::open(&Tls::default(), Some(dir), NOW).unwrap());
        let (cert, key) = (one.join("leaf.pem"), one.join("leaf.key"));
        let files = CertificateFiles { cert, key, ocsp: None };
        let tls = Tls { certificate: Certificate::Files(vec![files]), ..Tls::default() };
        let shown = CheckedCert::open(&tls, None, NOW).unwrap();
        assert_eq!(shown.chain(), made[0].chain());
        assert_eq!((shown.is_local(), shown.ca_path(), shown.ca()), (false, None, None));
        for file in ["leaf.pem", "leaf.key"] {
            fs::copy(two.join(file), one.join(file)).unwrap();
        }
        assert_eq!(shown.renewed(&tls, None, NOW).unwrap().fingerprint(), made[1].fingerprint());
    }
}
