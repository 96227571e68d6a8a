//! TLS: the certificate frontgate shows, where it comes from, and the settings of both sides of a handshake.
//!
//! [`CheckedCert::open`] is the way in: it reads the certificate that the configuration names, or makes one with the
//! local CA, and says what is worth a log line. [`Certificates`] holds what is shown right now, by name and by address,
//! and can be changed while connections live. [`server_config`] and [`client_config`] turn that into rustls settings,
//! and [`HandshakePolicy`] decides how one goes on after the client's hello. Nothing here opens a socket: the handshake
//! itself is the server's, with its timeout.
//!
//! The state directory ([`StateDir`]) holds these files of ours:
//!
//! | file | mode | what |
//! |---|---|---|
//! | `ca.key` | 0600 | the local CA's private key and its certificate, in one file so that they cannot come apart |
//! | `ca.pem` | 0644 | the CA's certificate alone, to hand to clients; written anew from `ca.key` when it is missing |
//! | `leaf.key` | 0600 | the private key of the certificate; outlives renewals, so that clients may pin the public key |
//! | `leaf.pem` | 0644 | the certificate |
//! | `address-IP.pem` | 0644 | a certificate for an address of this machine, with the same key |
//! | `ticket-key` | 0600 | what the keys of TLS tickets come of, so that sessions are resumed after a restart |

pub mod acme;
mod certificates;
mod client;
mod local_ca;
mod probe;
mod session;
mod state_dir;
mod x509;

pub(crate) use certificates::cert_store::ServedCert;
pub use certificates::checked_cert::CheckedCert;
pub(crate) use certificates::checked_cert::TlsError;
pub use certificates::resolver::CertChoice;
pub use certificates::resolver::Certificates;
pub(crate) use client::{ClientConfigError, ClientTls, TlsFault, UpstreamTlsError, client_config};
pub(crate) use local_ca::mobileconfig::mobileconfig;
pub(crate) use local_ca::on_disk::{CaOnDisk, OnDisk, OnDiskError};
pub(crate) use probe::{PresentedChain, TlsProbe};
pub(crate) use session::acceptor::server_config;
pub(crate) use session::client_certificates::{ClientCaError, ClientIdentity, ClientVerification, IdentityScope};
pub use session::crypto::provider;
pub(crate) use session::handshakes::{AskedClients, HandshakePolicy, HandshakeStep};
pub(crate) use session::hello::PendingHello;
pub(crate) use session::route_client_ca::{CertifiedClient, RouteClientCa};
pub(crate) use session::stream::ByteStream;
pub(crate) use session::ticket_secret::TicketSecret;
pub(crate) use session::tickets::TicketKeys;
pub(crate) use session::tls_session::TlsSession;
pub(crate) use state_dir::{FileAccess, StateDir, StateError};
pub(crate) use x509::description::{CertDescription, certificates, links_its_issuer, to_pem};
pub use x509::fingerprint::Fingerprint;

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};

    /// A client that accepts any certificate: the test is about what the server shows.
    #[derive(Debug)]
    struct Blind;

    pub(crate) fn blind() -> Arc<dyn ServerCertVerifier> {
        Arc::new(Blind)
    }

    impl ServerCertVerifier for Blind {
        fn verify_server_cert(
            &self,
            _leaf: &CertificateDer<'_>,
            _chain: &[CertificateDer<'_>],
            _name: &ServerName<'_>,
            _ocsp: &[u8],
            _now: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _message: &[u8],
            _leaf: &CertificateDer<'_>,
            _signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _message: &[u8],
            _leaf: &CertificateDer<'_>,
            _signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            super::provider().signature_verification_algorithms.supported_schemes()
        }
    }
}
