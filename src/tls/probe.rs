//! [`TlsProbe`]: records the chain that a server shows, and accepts any.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::client::ClientConfigError;
use super::session::crypto;

/// Records one handshake. Nothing may be sent over such a connection: any peer can be at its other end.
#[derive(Debug)]
pub(crate) struct TlsProbe {
    judge: Verifier,
    seen: Mutex<Option<PresentedChain>>,
}

/// The chain that a server showed.
#[derive(Debug, Clone)]
pub(crate) struct PresentedChain {
    /// The certificates, the server's own first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// Why this system does not accept them for the name that was asked for; `None` when it does.
    pub(crate) refused: Option<Error>,
}

impl TlsProbe {
    /// A probe that judges by this system's trust store, and the client settings that use the probe.
    pub(crate) fn new() -> Result<(Arc<Self>, Arc<ClientConfig>), ClientConfigError> {
        let provider = crypto::provider();
        let judge = Verifier::new(Arc::clone(&provider)).map_err(ClientConfigError)?;
        let probe = Arc::new(Self { judge, seen: Mutex::new(None) });
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(ClientConfigError)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&probe) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        Ok((probe, Arc::new(client)))
    }

    /// The chain that the server showed; `None` before a handshake.
    pub(crate) fn shown(&self) -> Option<PresentedChain> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for TlsProbe {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let refused = self.judge.verify_server_cert(leaf, rest, name, ocsp, now).err();
        let chain = std::iter::once(leaf).chain(rest).map(|one| one.clone().into_owned()).collect();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(PresentedChain { chain, refused });
        Ok(ServerCertVerified::assertion())
    }

    // Whether the server has the certificate's key is not a matter of trust: without it, the server shows another
    // party's certificate.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signed, &crypto::provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &crypto::provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        crypto::provider().signature_verification_algorithms.supported_schemes()
    }
}
