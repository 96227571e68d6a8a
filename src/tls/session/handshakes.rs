//! [`HandshakePolicy`]: how a handshake goes on after the `ClientHello`.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::acceptor::{ACME_TLS, challenge_config};
use super::client_certificates::IdentityScope;
use crate::config::HostPattern;
use crate::tls::certificates::cert_store::ServedCert;
use crate::tls::certificates::resolver::{CertChoice, Certificates};

/// Decides how a handshake goes on after the `ClientHello`. A resolver of rustls cannot: it does not see the address
/// that a client without a name has dialled.
#[derive(Debug)]
pub(crate) struct HandshakePolicy {
    config: Arc<ServerConfig>,
    challenges: Arc<ServerConfig>,
    certificates: Arc<Certificates>,
    asked: AskedClients,
}

/// The clients that are asked for a certificate of their own.
#[derive(Debug)]
pub(crate) enum AskedClients {
    /// None.
    None,
    /// All, by the settings of every handshake.
    All,
    /// Those that ask for one of these names, by other settings. `None` is for every name.
    Of(Vec<Option<HostPattern>>, Arc<ServerConfig>),
}

impl AskedClients {
    /// Where a certificate counts that a client has shown.
    fn scope(&self) -> IdentityScope {
        match self {
            Self::None | Self::All => IdentityScope::AllRoutes,
            Self::Of(..) => IdentityScope::SomeRoutes,
        }
    }

    /// Whether a client is asked that dials this name, or an address.
    fn has(&self, name: Option<&str>) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Of(hosts, _) => {
                // A pattern may be an address, which no client sends as a name.
                let asks = |host: &HostPattern| name.is_none_or(|name| host.matches(&name.to_ascii_lowercase()));
                hosts.iter().any(|host| host.as_ref().is_none_or(asks))
            }
        }
    }
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
    pub(crate) fn new(config: Arc<ServerConfig>, certificates: Arc<Certificates>, asked: AskedClients) -> Self {
        let challenges = challenge_config(Arc::new(Challenges(Arc::clone(&certificates))));
        Self { config, challenges, certificates, asked }
    }

    /// Whether a client that dials this name is asked for a certificate, and where one counts that it shows.
    pub(crate) fn asks(&self, name: Option<&str>) -> (bool, IdentityScope) {
        (self.asked.has(name), self.asked.scope())
    }

    /// The settings of a handshake with a client that dials this name.
    fn config(&self, name: Option<&str>) -> &Arc<ServerConfig> {
        match &self.asked {
            AskedClients::Of(_, config) if self.asked.has(name) => config,
            _ => &self.config,
        }
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
                HandshakeStep::Serve(Arc::clone(self.config(hello.server_name())), shown)
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
        // Only a client without a name comes here.
        let mut config = ServerConfig::clone(self.config(None));
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
