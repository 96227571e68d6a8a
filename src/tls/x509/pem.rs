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

/// The part of the text that is the first private key; `None` if there is none.
pub(in crate::tls) fn only_private_key(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let begins = text
        .match_indices("-----BEGIN ")
        .find(|(at, _)| text[*at..].lines().next().is_some_and(|line| line.trim_end().ends_with("PRIVATE KEY-----")))?;
    let rest = &text[begins.0..];
    let end = rest.find("-----END ").map(|at| at + rest[at..].find('\n').unwrap_or(rest.len() - at))?;
    Some(format!("{}\n", rest[..end].trim_end()).into_bytes())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_among_certificates() {
        let key = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";
        let cert = "-----BEGIN CERTIFICATE-----\nBB==\n-----END CERTIFICATE-----\n";
        for text in [format!("{key}{cert}"), format!("{cert}{key}{cert}"), key.trim_end().to_owned()] {
            assert_eq!(only_private_key(text.as_bytes()).as_deref(), Some(key.as_bytes()), "{text}");
        }
        assert_eq!(only_private_key(cert.as_bytes()), None);
    }
}
