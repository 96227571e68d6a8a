//! [`Trust`]: a client's TLS settings; [`Identity`]: a gateway's.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, NamedGroup, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::TlsAcceptor;

/// A client's TLS settings: one CA is trusted.
#[derive(Clone)]
pub(crate) struct Trust {
    pub(crate) ca: CertificateDer<'static>,
}

impl Trust {
    pub(crate) fn file(path: &Path) -> Self {
        Self { ca: CertificateDer::from_pem_file(path).unwrap() }
    }

    /// Settings that offer `alpn`, with every version and group.
    pub(crate) fn offering(&self, alpn: &[&str]) -> Arc<ClientConfig> {
        self.speaking(rustls::ALL_VERSIONS, alpn, None)
    }

    /// Settings with these versions, these protocols and, if one is named, only this group.
    pub(crate) fn speaking(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        alpn: &[&str],
        group: Option<NamedGroup>,
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.clone()).unwrap();
        let mut provider = (*frontgate::tls::provider()).clone();
        if let Some(group) = group {
            provider.kx_groups.retain(|known| known.name() == group);
        }
        let mut client = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(client)
    }
}

/// A certificate of a gateway's own, for 127.0.0.1 and localhost.
pub(crate) struct Identity {
    /// The certificate, which is its own CA.
    pub(crate) pem: String,
    /// Its private key.
    pub(crate) key_pem: String,
    der: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        Self {
            pem: made.cert.pem(),
            key_pem: made.signing_key.serialize_pem(),
            der: made.cert.der().clone(),
            key: made.signing_key.serialize_der(),
        }
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.clone()));
        let server = ServerConfig::builder_with_provider(frontgate::tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(server))
    }
}
