//! Clients that show a certificate of their own: which CA's certificates are accepted, and the identity that one
//! proves.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::crypto;
use crate::config;
use crate::config::{ClientCa, ClientMode};
use crate::tls::x509::distinguished_name;
use crate::tls::x509::fingerprint::Fingerprint;
use crate::tls::x509::pem;

/// The CA that client certificates are verified against, and whether a client must have one.
#[derive(Debug, Clone)]
pub(crate) struct ClientVerification(pub(in crate::tls) Arc<dyn ClientCertVerifier>);

/// The identity that a client has proved with its certificate.
#[derive(Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The subject of its certificate (RFC 4514), in ASCII. Empty where the certificate has none.
    pub(crate) subject: Arc<str>,
    /// The fingerprint of its certificate.
    pub(crate) fingerprint: Fingerprint,
    /// Its certificate, and those that it has sent along.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// Where the certificate counts.
    pub(crate) scope: IdentityScope,
}

/// Where a certificate counts that a handshake has verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdentityScope {
    /// On every route: its CA is that of `tls.client_ca`.
    AllRoutes,
    /// On routes whose own CA it is from.
    SomeRoutes,
}

/// Why a CA of clients cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientCaError {
    /// The file is missing or cannot be read by this user.
    #[error("cannot read {path}: {source}; check `tls.client_ca` or `auth.mtls.ca`")]
    Unreadable {
        /// Path of the file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file holds no certificate in PEM.
    #[error(
        "{path} holds no certificate; `tls.client_ca` and `auth.mtls.ca` take a PEM file with `BEGIN CERTIFICATE`, the CA's"
    )]
    NoCertificate {
        /// Path of the file.
        path: PathBuf,
    },
    /// A certificate in the file cannot sign others.
    #[error("certificate {position} in {path} cannot be used as a CA: {what}")]
    Unusable {
        /// Path of the file.
        path: PathBuf,
        /// The certificate's position in the file, counted from 1.
        position: usize,
        /// Why it cannot be used as a CA.
        what: String,
    },
}

impl ClientVerification {
    /// Reads the CA's certificates from the file.
    pub(crate) fn open(ca: &ClientCa) -> Result<Self, ClientCaError> {
        let roots = roots(&ca.file)?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), crypto::provider());
        let verifier = match ca.mode {
            ClientMode::Required => verifier,
            ClientMode::Optional => verifier.allow_unauthenticated(),
        };
        let none = |_| ClientCaError::NoCertificate { path: ca.file.clone() };
        verifier.build().map(Self).map_err(none)
    }
}

pub(super) fn roots(path: &Path) -> Result<RootCertStore, ClientCaError> {
    let text = config::contents(path).map_err(|source| ClientCaError::Unreadable { path: path.to_owned(), source })?;
    let certificates = pem::certificates(&text).unwrap_or_default();
    if certificates.is_empty() {
        return Err(ClientCaError::NoCertificate { path: path.to_owned() });
    }
    let mut roots = RootCertStore::empty();
    for (certificate, position) in certificates.into_iter().zip(1..) {
        let unusable = |what| ClientCaError::Unusable { path: path.to_owned(), position, what };
        // rustls takes any certificate for a root, also one that signs nothing.
        let (_, parsed) = X509Certificate::from_der(&certificate).map_err(|_| unusable("it is damaged".to_owned()))?;
        if !parsed.is_ca() {
            return Err(unusable("it belongs to a server or client; name the CA that signed the clients'".to_owned()));
        }
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    Ok(roots)
}

impl ClientIdentity {
    /// The identity in the first certificate of `chain`; `None` if it cannot be parsed, and then no handshake verifies it
    /// either.
    pub(crate) fn of(chain: &[CertificateDer<'static>], scope: IdentityScope) -> Option<Self> {
        let der = chain.first()?;
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let subject = distinguished_name::text(certificate.subject()).into();
        Some(Self { subject, fingerprint: Fingerprint::of(der), chain: chain.to_vec(), scope })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    use super::*;

    #[test]
    fn a_file_that_is_no_ca_is_named_with_the_fix() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("ca.pem");
        let made = |ca: IsCa| {
            let mut params = CertificateParams::new(vec!["a".to_owned()]).unwrap();
            params.is_ca = ca;
            params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
        };
        let ca = made(IsCa::Ca(BasicConstraints::Unconstrained));
        for (text, expected) in [
            (None, "cannot read "),
            (Some(String::new()), "holds no certificate"),
            (Some(ca.replace("BEGIN", "BEGUN")), "holds no certificate"),
            (Some(made(IsCa::NoCa)), "certificate 1 in"),
            (Some(ca.clone() + &made(IsCa::ExplicitNoCa)), "certificate 2 in"),
            (Some(ca.clone()), ""),
        ] {
            if let Some(text) = text {
                fs::write(&path, text).unwrap();
            }
            for mode in [ClientMode::Required, ClientMode::Optional] {
                let opened = ClientVerification::open(&ClientCa { file: path.clone(), mode });
                let said = opened.err().map_or_else(String::new, |error| error.to_string());
                assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "{said}");
            }
        }
    }
}
