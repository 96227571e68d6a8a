//! The client's side of a handshake, towards an `https` gateway.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls_platform_verifier::Verifier;

use super::crypto;

/// Why no gateway can be verified.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot load this system's trusted certificates: {0}; install them (Debian, Alpine: `ca-certificates`) or point \
     SSL_CERT_FILE at a PEM file with the gateway's CA"
)]
pub struct ClientConfigError(#[source] pub(super) rustls::Error);

/// The settings for connections to `https` gateways: what this system trusts, and the certificates `extra` besides. Speaks
/// HTTP/1.1 only, because an upgraded WebSocket needs a connection of its own.
///
/// Reads the system's store, some hundred files and a megabyte of memory: call it only when an upstream is `https`.
pub fn client_config(
    extra: impl IntoIterator<Item = CertificateDer<'static>>,
) -> Result<Arc<ClientConfig>, ClientConfigError> {
    let provider = crypto::provider();
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider)).map_err(ClientConfigError)?;
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ClientConfigError)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(client))
}
