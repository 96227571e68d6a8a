//! Servers that are verified by their own certificate, whatever CA signed it.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use rustls_platform_verifier::Verifier;

use crate::config::Name;
use crate::tls::x509::cert_info::CertInfo;
use crate::tls::x509::fingerprint::Fingerprint;

/// Accepts one certificate and no other. That the server has its key is verified all the same.
#[derive(Debug)]
pub(super) struct Pinned {
    pin: Fingerprint,
    algorithms: WebPkiSupportedAlgorithms,
}

/// The server showed another certificate than the pinned one.
#[derive(Debug, thiserror::Error)]
#[error("the gateway shows another certificate than the pinned one; its SHA-256 is {0}")]
pub(super) struct OtherCertificate(Fingerprint);

impl Pinned {
    pub(super) fn new(pin: Fingerprint, provider: &CryptoProvider) -> Self {
        Self { pin, algorithms: provider.signature_verification_algorithms }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _rest: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let seen = Fingerprint::of(leaf);
        if seen == self.pin {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::Other(OtherError(Arc::new(OtherCertificate(seen)))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Verifies as this system does, and also accepts a server's own certificate where that is itself among the trusted
/// ones. `openssl req -x509` makes such certificates, with `CA:TRUE` in them, and webpki takes no CA's certificate for
/// a server's.
#[derive(Debug)]
pub(super) struct SystemOrTrustedLeaf {
    trusted: Vec<CertificateDer<'static>>,
    system: Verifier,
}

impl SystemOrTrustedLeaf {
    pub(super) fn new(trusted: Vec<CertificateDer<'static>>, system: Verifier) -> Self {
        Self { trusted, system }
    }
}

impl ServerCertVerifier for SystemOrTrustedLeaf {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let refused = match self.system.verify_server_cert(leaf, rest, name, ocsp, now) {
            Ok(verified) => return Ok(verified),
            Err(refused) => refused,
        };
        if !self.trusted.iter().any(|trusted| trusted.as_ref() == leaf.as_ref()) {
            return Err(refused);
        }
        // The certificate is in the list of trusted ones, so its self-signature proves nothing more and is not
        // verified.
        itself(leaf, name, now).map(|()| ServerCertVerified::assertion()).map_err(Error::InvalidCertificate)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.system.verify_tls12_signature(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.system.verify_tls13_signature(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.system.supported_verify_schemes()
    }
}

/// Whether a trusted certificate is good for `name` and for `now` (RFC 9525, RFC 5280 §4.1.2.5).
fn itself(leaf: &[u8], name: &ServerName<'_>, now: UnixTime) -> Result<(), CertificateError> {
    let facts = CertInfo::read(leaf).ok_or(CertificateError::BadEncoding)?;
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if seconds > facts.not_after.unix_timestamp() {
        return Err(CertificateError::Expired);
    }
    if seconds < facts.not_before.unix_timestamp() {
        return Err(CertificateError::NotValidYet);
    }
    let name = match name {
        ServerName::DnsName(name) => Name::Dns(name.as_ref().to_ascii_lowercase()),
        ServerName::IpAddress(ip) => Name::Ip((*ip).into()),
        _ => return Err(CertificateError::NotValidForName),
    };
    if facts.covers(&name) { Ok(()) } else { Err(CertificateError::NotValidForName) }
}
