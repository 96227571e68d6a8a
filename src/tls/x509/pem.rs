//! PEM: reading the first private key and all certificates of a text, writing one certificate (RFC 7468).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// All certificates, in the order of the text.
pub(in crate::tls) fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    CertificateDer::pem_slice_iter(text).collect()
}

/// The first private key, if any: PKCS #8, PKCS #1 or SEC 1, not encrypted.
pub(in crate::tls) fn private_key(text: &[u8]) -> Result<Option<PrivateKeyDer<'static>>, Error> {
    PrivateKeyDer::pem_slice_iter(text).next().transpose()
}

/// `certificate` as text.
pub(in crate::tls) fn encode(certificate: &CertificateDer<'_>) -> String {
    let body = STANDARD.encode(certificate);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = next;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}
