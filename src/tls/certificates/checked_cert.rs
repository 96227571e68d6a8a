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
use crate::config::{Name, Tls};
use crate::platform::machine;
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
    /// The local CA, if its certificate is the first one.
    local: Option<Local>,
    /// Certificates in files; without a local one the first is the one that `certified` and `facts` are of.
    files: Vec<WatchedCertFiles>,
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
        let files = tls.certificate.files();
        let kept = files.into_iter().map(|files| WatchedCertFiles::open(files, now)).collect::<Result<Vec<_>, _>>()?;
        let all: Vec<_> = kept.iter().map(|kept| &kept.pair.facts).collect();
        for name in files::uncovered(&all, &tls.file_names()) {
            warn!(%name, "the certificate is not for this name: clients that ask for it will refuse it");
        }
        let local = tls.is_local().then(|| Self::local(None, &tls.local_names(), state_dir, now)).transpose()?;
        Self::with(local, kept)
    }

    /// Opens again, later: the same certificate unless it was due for renewal, files changed, or names were added
    /// (compare the fingerprints). Unlike [`CheckedCert::open`] this carries a CA on that lives in memory only, and
    /// files that cannot be used any more are no error: the certificate that was read from them before stays.
    pub(crate) fn renewed(&self, tls: &Tls, state_dir: Option<&Path>, now: OffsetDateTime) -> Result<Self, TlsError> {
        if tls.certificate.files().len() != self.files.len() || tls.is_local() != self.local.is_some() {
            return Self::open(tls, state_dir, now);
        }
        let local = match &self.local {
            Some(local) => Some(Self::local(Some(&local.ca), &tls.local_names(), state_dir, now)?),
            None => None,
        };
        Self::with(local, self.files.iter().map(|kept| kept.again(now)).collect())
    }

    fn with(local: Option<(Arc<CertifiedKey>, Local)>, files: Vec<WatchedCertFiles>) -> Result<Self, TlsError> {
        let (certified, facts, local) = if let Some((certified, local)) = local {
            (certified, local.ca.leaf.facts.clone(), Some(local))
        } else {
            let CertKeyPair { certified, facts } = files.first().ok_or(TlsError::None)?.pair.clone();
            (certified, facts, None)
        };
        let fingerprint = Fingerprint::of(certified.cert.first().map_or(&[], |leaf| leaf.as_ref()));
        Ok(Self { certified, facts, fingerprint, local, files })
    }

    fn local(
        before: Option<&LocalCa>,
        names: &[Name],
        state_dir: Option<&Path>,
        now: OffsetDateTime,
    ) -> Result<(Arc<CertifiedKey>, Local), TlsError> {
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
        let host = machine::name();
        let local = LocalCa::open(dir.as_ref(), LeafRequest { names, host: Some(&host) }, before, now)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(local.key.serialize_der()));
        let key = crypto::provider().key_provider.load_private_key(key)?;
        let certified = CertifiedKey::new(vec![local.leaf.certificate.clone()], key);
        Ok((Arc::new(certified), Local { ca: Arc::new(local), dir, names: names::required(names) }))
    }

    /// Every certificate to be shown, the one for unknown names first.
    pub(in crate::tls) fn shown(&self) -> (Arc<ServedCert>, Vec<Arc<ServedCert>>) {
        let shown = |kept: &WatchedCertFiles| ServedCert::new(Arc::clone(&kept.pair.certified), Issued::Elsewhere);
        let first = if self.local.is_some() { Issued::Here } else { Issued::Elsewhere };
        let more = self.files.iter().skip(usize::from(self.local.is_none())).map(shown).collect();
        (ServedCert::new(self.certified_key(), first), more)
    }

    /// The maker of certificates for addresses of this machine; `None` without a local CA.
    pub(in crate::tls) fn addresses(&self) -> Option<AddressCerts> {
        let Local { ca, dir, names } = self.as_local()?;
        Some(AddressCerts::new(Arc::clone(ca), Arc::clone(&self.certified.key), dir.clone(), names.clone()))
    }

    fn as_local(&self) -> Option<&Local> {
        self.local.as_ref()
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

    use super::{CheckedCert, Name, OffsetDateTime, Tls};
    use crate::config::{Certificate, CertificateFiles, CertificateSource, NamedCertificate};

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
    fn each_name_has_its_own_source() {
        let temp = tempfile::tempdir().unwrap();
        let (theirs, ours) = (temp.path().join("theirs"), temp.path().join("ours"));
        let dns = |name: &str| Name::Dns(name.to_owned());
        let made = Tls { names: vec![dns("apps.lan")], ..Tls::default() };
        let made = CheckedCert::open(&made, Some(&theirs), NOW).unwrap();
        let files = CertificateFiles { cert: theirs.join("leaf.pem"), key: theirs.join("leaf.key"), ocsp: None };
        let named = NamedCertificate { names: vec![dns("apps.lan")], source: CertificateSource::Files(files) };
        let names = vec![dns("gw.lan"), dns("apps.lan")];
        let tls = Tls { names, certificate: Certificate::Named(vec![named]), ..Tls::default() };
        let shown = CheckedCert::open(&tls, Some(&ours), NOW).unwrap();
        let (first, more) = shown.shown();
        assert!(shown.is_local() && first.covers("gw.lan") && !first.covers("apps.lan"));
        assert_eq!(more.len(), 1);
        assert_eq!(more[0].certified().cert, made.chain());
        let again = shown.renewed(&tls, Some(&ours), NOW).unwrap();
        assert_eq!(again.fingerprint(), shown.fingerprint());
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
