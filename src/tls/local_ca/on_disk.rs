//! [`OnDisk`]: the certificate as it lies on disk, for commands that only look at it.

use std::path::{Path, PathBuf};
use std::{fs, io};

use rustls::pki_types::CertificateDer;

use super::constraints::CaConstraints;
use super::stored_ca::{CA_CERTIFICATE, LEAF_CERTIFICATE};
use crate::config::{CertificateFiles, Name, Tls};
use crate::tls::acme;
use crate::tls::x509::description::certificates;

/// A certificate on disk. Reading it creates, repairs and moves no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OnDisk {
    /// Path of the file with the certificate.
    pub(crate) file: PathBuf,
    /// The certificates in the file: the server's own first, as clients get it.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// The local CA, when it signed the certificate.
    pub(crate) ca: Option<CaOnDisk>,
}

/// The local CA's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CaOnDisk {
    /// Path of the CA's certificate, `ca.pem`.
    pub(crate) file: PathBuf,
    /// The certificate in the file.
    pub(crate) certificate: CertificateDer<'static>,
}

/// Why there is no certificate to look at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OnDiskError {
    /// The file does not exist: frontgate has not run here yet.
    #[error("there is no {0} yet; frontgate makes it when it starts, and so does `frontgate trust`")]
    Missing(PathBuf),
    /// The state directory is not known.
    #[error("no folder for keys and certificates: set state_dir, FRONTGATE_STATE_DIR or HOME")]
    NoStateDir,
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file holds no certificate in PEM.
    #[error("{0} holds no certificate in PEM")]
    NotPem(PathBuf),
}

impl OnDisk {
    /// Reads the certificates that `tls` asks for; at least one.
    pub(crate) fn read(tls: &Tls, state_dir: Option<&Path>) -> Result<Vec<Self>, OnDiskError> {
        let mut all = Vec::new();
        if tls.is_local() {
            let dir = state_dir.ok_or(OnDiskError::NoStateDir)?;
            let file = dir.join(LEAF_CERTIFICATE);
            let chain = read(&file)?;
            all.push(Self { file, chain, ca: Some(CaOnDisk::read(dir)?) });
        }
        all.extend(Self::files(tls)?);
        Ok(all)
    }

    /// Reads those in files of the operator's.
    pub(crate) fn files(tls: &Tls) -> Result<Vec<Self>, OnDiskError> {
        let each =
            |files: &CertificateFiles| Ok(Self { file: files.cert.clone(), chain: read(&files.cert)?, ca: None });
        tls.certificate.files().into_iter().map(each).collect()
    }
}

impl OnDisk {
    /// Reads the public certificate that was obtained for `name`.
    pub(crate) fn public(tls: &Tls, state_dir: &Path, name: &Name) -> Result<Self, OnDiskError> {
        let file = acme::file_of(state_dir, &tls.acme.directory, name);
        Ok(Self { chain: read(&file)?, file, ca: None })
    }
}

impl CaOnDisk {
    /// Reads the local CA's certificate in `state_dir`.
    pub(crate) fn read(state_dir: &Path) -> Result<Self, OnDiskError> {
        let file = state_dir.join(CA_CERTIFICATE);
        let certificate = read(&file)?.into_iter().next().ok_or_else(|| OnDiskError::NotPem(file.clone()))?;
        Ok(Self { file, certificate })
    }

    /// Whether clients accept `name` from this CA: its name constraints were fixed when it was made.
    pub(crate) fn permits(&self, name: &Name) -> bool {
        CaConstraints::read(&self.certificate).permit(name)
    }
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, OnDiskError> {
    match fs::read(path) {
        Ok(text) => certificates(&text).ok_or_else(|| OnDiskError::NotPem(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(OnDiskError::Missing(path.to_owned())),
        Err(source) => Err(OnDiskError::Read { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use time::macros::datetime;

    use super::{CaOnDisk, OnDisk};
    use crate::config::{Certificate, CertificateFiles, Tls};
    use crate::tls::CheckedCert;

    #[test]
    fn looking_finds_what_serving_made_and_makes_nothing_itself() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("state");
        let error = OnDisk::read(&Tls::default(), Some(&dir)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("there is no {}/leaf.pem yet", dir.display())), "{error}");
        assert!(!dir.exists());

        let source = CheckedCert::open(&Tls::default(), Some(&dir), datetime!(2026-11-20 12:00 UTC)).unwrap();
        let kept = OnDisk::read(&Tls::default(), Some(&dir)).unwrap().remove(0);
        assert_eq!(kept.chain, source.chain());
        assert_eq!(kept.ca.as_ref().map(|ca| &ca.certificate), source.ca());

        let (cert, key) = (dir.join("leaf.pem"), dir.join("leaf.key"));
        let files = Certificate::Files(vec![CertificateFiles { cert: cert.clone(), key, ocsp: None }]);
        let files = Tls { certificate: files, ..Tls::default() };
        assert_eq!(OnDisk::read(&files, None).unwrap(), [OnDisk { file: cert, chain: kept.chain, ca: None }]);

        fs::write(dir.join("ca.pem"), "x").unwrap();
        let error = CaOnDisk::read(&dir).unwrap_err().to_string();
        assert_eq!(error, format!("{}/ca.pem holds no certificate in PEM", dir.display()));
    }
}
