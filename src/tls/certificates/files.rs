//! Certificates of other issuers: two PEM files, checked before they are used.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::Error as PemError;
use rustls::sign::{CertifiedKey, SigningKey};
use time::{Date, OffsetDateTime};
use tracing::{info, warn};

use crate::config::Name;
use crate::tls::session::crypto;
use crate::tls::x509::cert_info::CertInfo;
use crate::tls::x509::pem;

/// A certificate and key that belong together and are valid today.
#[derive(Debug, Clone)]
pub(in crate::tls) struct CertKeyPair {
    pub(in crate::tls) certified: Arc<CertifiedKey>,
    pub(in crate::tls) facts: CertInfo,
}

/// Why the files of `tls.certificate` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertFileError {
    /// The file is missing or cannot be read by this user.
    #[error("cannot read {path}: {source}; {}", read_hint(source))]
    Unreadable {
        /// Path of the file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A PEM section does not end, or is not base64.
    #[error("{path} is not valid PEM: {what}; copy the file anew, whole")]
    NotPem {
        /// Path of the file.
        path: PathBuf,
        /// The defect, without the bytes at fault.
        what: &'static str,
    },
    /// The certificate file holds no certificate.
    #[error(
        "{path} holds no certificate; `cert` takes a PEM file with `BEGIN CERTIFICATE`, the server's own first{}",
        swapped(*.key_instead, "a private key")
    )]
    NoCertificate {
        /// Path of the certificate file.
        path: PathBuf,
        /// Whether it holds a private key instead.
        key_instead: bool,
    },
    /// One of the certificates is damaged.
    #[error("certificate {position} in {path} cannot be read; copy the file anew, whole")]
    DamagedCertificate {
        /// Path of the certificate file.
        path: PathBuf,
        /// The damaged certificate's position in the file, counted from 1.
        position: usize,
    },
    /// The key file holds no private key.
    #[error(
        "{path} holds no private key; `key` takes a PEM file with `BEGIN PRIVATE KEY`{}",
        swapped(*.certificate_instead, "a certificate")
    )]
    NoKey {
        /// Path of the key file.
        path: PathBuf,
        /// Whether it holds a certificate instead.
        certificate_instead: bool,
    },
    /// The key is encrypted with a passphrase.
    #[error(
        "the private key in {path} is encrypted; decrypt it with `openssl pkey -in FILE -out NEW-FILE`, and \
         keep that at mode 0600"
    )]
    EncryptedKey {
        /// Path of the key file.
        path: PathBuf,
    },
    /// The key is damaged, or of a kind that TLS cannot use.
    #[error(
        "the private key in {path} cannot be used: {source}; use an ECDSA (P-256, P-384), Ed25519 or RSA key of \
         2048 bits or more"
    )]
    UnusableKey {
        /// Path of the key file.
        path: PathBuf,
        /// The library's reason.
        source: rustls::Error,
    },
    /// The key belongs to another certificate.
    #[error(
        "the key in {key} belongs to another certificate than the one in {cert}; name two files that were \
         made together"
    )]
    KeyMismatch {
        /// The certificate file.
        cert: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// The key belongs to a certificate further down in the chain.
    #[error(
        "{cert} is in the wrong order: certificate {position} is the server's own (its key is in {key}), but it must \
         come first, then its issuer"
    )]
    WrongOrder {
        /// The certificate file.
        cert: PathBuf,
        /// The key file.
        key: PathBuf,
        /// The position of the server's own certificate in the file, counted from 1.
        position: usize,
    },
    /// The certificate has expired.
    #[error("the certificate in {path} expired on {on} (today is {today}); renew it, or correct the system clock")]
    Expired {
        /// Path of the certificate file.
        path: PathBuf,
        /// The last day on which it was valid.
        on: Date,
        /// The day of the check.
        today: Date,
    },
    /// The certificate is not valid yet.
    #[error(
        "the certificate in {path} is not valid before {from} (today is {today}); correct the system clock, or wait"
    )]
    NotYetValid {
        /// Path of the certificate file.
        path: PathBuf,
        /// The first day on which it is valid.
        from: Date,
        /// The day of the check.
        today: Date,
    },
}

impl CertFileError {
    /// The file at fault.
    pub(crate) fn file(&self) -> &Path {
        match self {
            Self::Unreadable { path, .. }
            | Self::NotPem { path, .. }
            | Self::NoCertificate { path, .. }
            | Self::DamagedCertificate { path, .. }
            | Self::NoKey { path, .. }
            | Self::EncryptedKey { path }
            | Self::UnusableKey { path, .. }
            | Self::Expired { path, .. }
            | Self::NotYetValid { path, .. }
            | Self::WrongOrder { cert: path, .. }
            | Self::KeyMismatch { key: path, .. } => path,
        }
    }
}

/// Warns of a chain that works for some clients only.
pub(in crate::tls) fn warn_of(cert: &Path, pair: &CertKeyPair) {
    let file = cert.display();
    if let Some(position) = misplaced(pair) {
        warn!(%file, position, "this certificate did not sign the one before it: some clients will not trust the chain");
    }
    if pair.certified.cert.len() == 1 && pair.facts.issuer != pair.facts.subject {
        info!(%file, "the file holds no issuer's certificate: if clients complain, use the full chain (certbot: fullchain.pem)");
    }
}

/// Parses both texts, and checks that certificate and key belong together and are valid at this moment.
pub(in crate::tls) fn check(
    cert: &Path,
    cert_text: &[u8],
    key: &Path,
    key_text: &[u8],
    now: OffsetDateTime,
) -> Result<CertKeyPair, CertFileError> {
    let path = || cert.to_owned();
    let not_pem = |error| CertFileError::NotPem { path: cert.to_owned(), what: damage(&error) };
    let chain = pem::certificates(cert_text).map_err(not_pem)?;
    let facts = chain.iter().zip(1..).map(|(der, position)| {
        CertInfo::read(der).ok_or_else(|| CertFileError::DamagedCertificate { path: cert.to_owned(), position })
    });
    let facts = facts.collect::<Result<Vec<_>, _>>()?;
    let Some(leaf) = facts.first() else {
        return Err(CertFileError::NoCertificate {
            path: path(),
            key_instead: contains(cert_text, "PRIVATE KEY-----"),
        });
    };

    let signing = signing_key(key, key_text)?;
    let public = signing.public_key();
    let of_key = |facts: &CertInfo| public.as_ref().is_none_or(|public| public.as_ref() == facts.public_key);
    if !of_key(leaf) {
        return Err(match facts.iter().position(of_key) {
            Some(index) => CertFileError::WrongOrder { cert: path(), key: key.to_owned(), position: index + 1 },
            None => CertFileError::KeyMismatch { cert: path(), key: key.to_owned() },
        });
    }
    if now > leaf.not_after {
        return Err(CertFileError::Expired { path: path(), on: leaf.not_after.date(), today: now.date() });
    }
    if now < leaf.not_before {
        return Err(CertFileError::NotYetValid { path: path(), from: leaf.not_before.date(), today: now.date() });
    }
    let facts = leaf.clone();
    Ok(CertKeyPair { certified: Arc::new(CertifiedKey::new(chain, signing)), facts })
}

fn signing_key(path: &Path, text: &[u8]) -> Result<Arc<dyn SigningKey>, CertFileError> {
    // PKCS #8 marks encryption in the label, OpenSSL's older form in a header (RFC 1421 §4.6.1.1).
    if contains(text, "ENCRYPTED PRIVATE KEY-----") || contains(text, "Proc-Type: 4,ENCRYPTED") {
        return Err(CertFileError::EncryptedKey { path: path.to_owned() });
    }
    let key: PrivateKeyDer<'static> = match pem::private_key(text) {
        Ok(Some(key)) => key,
        Ok(None) => {
            let certificate_instead = contains(text, "BEGIN CERTIFICATE-----");
            return Err(CertFileError::NoKey { path: path.to_owned(), certificate_instead });
        }
        Err(error) => return Err(CertFileError::NotPem { path: path.to_owned(), what: damage(&error) }),
    };
    let key = crypto::provider().key_provider.load_private_key(key);
    key.map_err(|source| CertFileError::UnusableKey { path: path.to_owned(), source })
}

/// The names that none of several certificates covers.
pub(in crate::tls) fn uncovered<'a>(all: &[&CertInfo], names: &'a [Name]) -> impl Iterator<Item = &'a Name> {
    names.iter().filter(|name| !all.iter().any(|facts| facts.covers(name)))
}

/// The position, from 1, of the first certificate that is not its predecessor's issuer.
fn misplaced(pair: &CertKeyPair) -> Option<usize> {
    let facts: Vec<_> = pair.certified.cert.iter().filter_map(|der| CertInfo::read(der)).collect();
    let index = facts.windows(2).position(|two| two[0].issuer != two[1].subject)?;
    Some(index + 2)
}

fn read_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "let the user that runs frontgate read it",
        _ => "check the setting that names it",
    }
}

/// The defect in words, without the bytes at fault, which may be a key's.
fn damage(error: &PemError) -> &'static str {
    match error {
        PemError::MissingSectionEnd { .. } => "a section has no END line",
        PemError::IllegalSectionStart { .. } => "a BEGIN line is damaged",
        _ => "a section is not base64",
    }
}

fn swapped(swapped: bool, instead: &str) -> String {
    if swapped { format!(" (it holds {instead}: are `cert` and `key` swapped?)") } else { String::new() }
}

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|window| window == part.as_bytes())
}

#[cfg(test)]
mod tests;
