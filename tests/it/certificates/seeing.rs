//! [`Seeing`]: a client that believes everything and remembers what it saw.

use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::made::Made;
use crate::harness::{Doors, handshake};

/// A client that believes everything and remembers what it saw.
#[derive(Debug, Clone, Default)]
pub(super) struct Seeing(Arc<Mutex<(Option<CertificateDer<'static>>, Vec<u8>)>>);

impl Seeing {
    pub(super) fn leaf(&self) -> CertificateDer<'static> {
        self.0.lock().unwrap().0.clone().expect("a handshake")
    }

    pub(super) fn ocsp(&self) -> Vec<u8> {
        self.0.lock().unwrap().1.clone()
    }

    pub(super) fn config(&self, alpn: &[&str]) -> Arc<ClientConfig> {
        self.client_config(alpn, None)
    }

    pub(super) fn client_config(&self, alpn: &[&str], as_who: Option<&Made>) -> Arc<ClientConfig> {
        self.speaking(rustls::ALL_VERSIONS, alpn, as_who)
    }

    pub(super) fn speaking(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        alpn: &[&str],
        as_who: Option<&Made>,
    ) -> Arc<ClientConfig> {
        let config = ClientConfig::builder_with_provider(frontgate::tls::provider())
            .with_protocol_versions(versions)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(self.clone()));
        let mut config = match as_who {
            None => config.with_no_client_auth(),
            Some(made) => {
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.key_der.clone()));
                config.with_client_auth_cert(vec![made.der.clone()], key).unwrap()
            }
        };
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}

/// A TLS connection to the proxy, for `name`.
pub(super) async fn client(doors: &Doors, name: &str, config: &Arc<ClientConfig>) -> TlsStream<TcpStream> {
    handshake(doors.silent().await, Arc::clone(config), name).await.unwrap()
}

/// The certificate that a client that asks for `name` is shown.
pub(super) async fn shown(doors: &Doors, name: &str) -> CertificateDer<'static> {
    let seeing = Seeing::default();
    client(doors, name, &seeing.config(&["http/1.1"])).await;
    seeing.leaf()
}

impl ServerCertVerifier for Seeing {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.0.lock().unwrap() = (Some(leaf.clone().into_owned()), ocsp.to_vec());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &frontgate::tls::provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, leaf, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &frontgate::tls::provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, leaf, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        frontgate::tls::provider().signature_verification_algorithms.supported_schemes()
    }
}
