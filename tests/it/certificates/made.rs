//! Certificates that the tests make, and folders to put them in.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use frontgate::config::CertificateFiles;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;
use time::OffsetDateTime;

/// A CA that an operator has made.
pub(super) struct Ca {
    pub(super) pem: String,
    pub(super) key_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
pub(super) struct Made {
    pub(super) pem: String,
    pub(super) key: String,
    pub(super) der: CertificateDer<'static>,
    pub(super) key_der: Vec<u8>,
}

impl Ca {
    pub(super) fn new() -> Self {
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.distinguished_name.push(DnType::CommonName, "a test CA");
        let key = KeyPair::generate().unwrap();
        let pem = ca.self_signed(&key).unwrap().pem();
        Self { pem, key_pem: key.serialize_pem(), issuer: Issuer::new(ca, key) }
    }

    /// A certificate for a server.
    pub(super) fn signed(&self, names: &[&str]) -> Made {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        self.sign(CertificateParams::new(names).unwrap())
    }

    /// A certificate for a client.
    pub(super) fn client(&self, subject: &[(DnType, &str)]) -> Made {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in subject {
            params.distinguished_name.push(kind.clone(), *value);
        }
        self.sign(params)
    }

    fn sign(&self, mut params: CertificateParams) -> Made {
        // Verifiers want an end, and a year is less than all of them allow.
        let now = OffsetDateTime::now_utc();
        params.not_before = now - Duration::from_hours(24);
        params.not_after = now + Duration::from_hours(300 * 24);
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().unwrap();
        let made = params.signed_by(&key, &self.issuer).unwrap();
        Made { pem: made.pem(), key: key.serialize_pem(), der: made.der().clone(), key_der: key.serialize_der() }
    }
}

/// A folder with certificates in it.
pub(super) struct Folder(pub(super) TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn files(&self, name: &str) -> CertificateFiles {
        CertificateFiles { cert: self.file(&format!("{name}.pem")), key: self.file(&format!("{name}.key")), ocsp: None }
    }

    /// Writes NAME.pem and NAME.key, one after the other.
    pub(super) fn put(&self, name: &str, made: &Made) -> CertificateFiles {
        let files = self.files(name);
        fs::create_dir_all(files.cert.parent().unwrap()).unwrap();
        fs::write(&files.cert, &made.pem).unwrap();
        fs::write(&files.key, &made.key).unwrap();
        files
    }
}
