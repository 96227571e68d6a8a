//! [`HandshakePolicy`]: how a handshake goes on after the `ClientHello`.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::acceptor::{ACME_TLS, challenge_config};
use crate::tls::certificates::cert_store::ServedCert;
use crate::tls::certificates::resolver::{CertChoice, Certificates};

/// Decides how a handshake goes on after the `ClientHello`. A resolver of rustls cannot: it does not see the address
/// that a client without a name has dialled.
#[derive(Debug)]
pub(crate) struct HandshakePolicy {
    config: Arc<ServerConfig>,
    challenges: Arc<ServerConfig>,
    certificates: Arc<Certificates>,
}

/// How a handshake goes on after the `ClientHello`.
#[derive(Debug)]
pub(crate) enum HandshakeStep {
    /// With these settings, and this certificate.
    Serve(Arc<ServerConfig>, Arc<ServedCert>),
    /// With a certificate that has to be made: see [`HandshakePolicy::make`].
    Make(IpAddr),
    /// With these settings, and the connection closes before any HTTP: an ACME server is validating a challenge.
    Challenge(Arc<ServerConfig>),
}

impl HandshakePolicy {
    /// The policy for handshakes by `config`, which must show `certificates`.
    pub(crate) fn new(config: Arc<ServerConfig>, certificates: Arc<Certificates>) -> Self {
        let challenges = challenge_config(Arc::new(Challenges(Arc::clone(&certificates))));
        Self { config, challenges, certificates }
    }

    /// How a handshake goes on for a client that has reached us at `address`; `None` where the client cannot have
    /// dialled that.
    pub(crate) fn open(&self, hello: &ClientHello<'_>, address: Option<IpAddr>) -> HandshakeStep {
        if self.is_challenge(hello) {
            return HandshakeStep::Challenge(Arc::clone(&self.challenges));
        }
        match self.certificates.choose(hello.server_name(), address) {
            // The resolver finds the same certificate again.
            CertChoice::Shown(shown) if hello.server_name().is_some() => {
                HandshakeStep::Serve(Arc::clone(&self.config), shown)
            }
            CertChoice::Shown(shown) => self.serve(shown),
            CertChoice::Make(address) => HandshakeStep::Make(address),
        }
    }

    /// Makes what [`HandshakeStep::Make`] asks for. Reads and writes files: not for an async task.
    pub(crate) fn make(&self, address: IpAddr, now: time::OffsetDateTime) -> HandshakeStep {
        self.serve(self.certificates.make(address, now))
    }

    /// The step that shows `shown`, whatever name the client asks for.
    fn serve(&self, shown: Arc<ServedCert>) -> HandshakeStep {
        let mut config = ServerConfig::clone(&self.config);
        config.cert_resolver = Arc::new(Always(Arc::clone(shown.certified())));
        HandshakeStep::Serve(Arc::new(config), shown)
    }

    /// A validation offers this one protocol (RFC 8737 §3). A validation without a pending challenge is refused like
    /// any unknown protocol.
    fn is_challenge(&self, hello: &ClientHello<'_>) -> bool {
        let alone =
            hello.alpn().is_some_and(|mut offered| offered.next() == Some(ACME_TLS) && offered.next().is_none());
        alone && hello.server_name().is_some_and(|name| self.certificates.challenge(name).is_some())
    }
}

/// A resolver that always returns one certificate.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// A resolver that returns the answers to challenges, and no other certificate.
#[derive(Debug)]
struct Challenges(Arc<Certificates>);

impl ResolvesServerCert for Challenges {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.challenge(hello.server_name()?)
    }
}

#[cfg(test)]
mod tests;
