//! The server's side of a handshake: versions, protocols, tickets.

use std::sync::Arc;

use rustls::server::{NoServerSessionStorage, ProducesTickets, ResolvesServerCert};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};

use super::client_certificates::ClientVerification;
use super::crypto;
use crate::config;
use crate::tls::certificates::resolver::Certificates;

/// The settings of every TLS listener; with `clients`, the listener asks clients for a certificate. Pass the same
/// `certificates` and `tickets` after a reload, and sessions survive it.
///
/// # Panics
/// Never: the only error of the builder is a version without a cipher suite, and the provider has suites for both.
pub(crate) fn server_config(
    tls: &config::Tls,
    certificates: Arc<Certificates>,
    tickets: Arc<dyn ProducesTickets>,
    clients: Option<&ClientVerification>,
) -> Arc<ServerConfig> {
    let server = ServerConfig::builder_with_provider(crypto::provider())
        .with_protocol_versions(&versions(tls.min_version))
        .expect("the provider has cipher suites for TLS 1.2 and 1.3");
    let server = match clients {
        None => server.with_no_client_auth(),
        Some(clients) => server.with_client_cert_verifier(Arc::clone(&clients.0)),
    };
    let mut server = server.with_cert_resolver(certificates);
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    if clients.is_some() {
        // A resumed session would never look at the client's certificate again: whether it has expired, or whether its
        // CA is still accepted. Without tickets and a session table no session is resumed.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        return Arc::new(server);
    }
    server.ticketer = tickets;
    // Tickets carry the sessions of both versions; a table in memory would only grow beside them.
    server.session_storage = Arc::new(NoServerSessionStorage {});
    // Browsers use a ticket once, and a Control UI needs two connections at a time: the page's and the WebSocket's.
    server.send_tls13_tickets = 2;
    Arc::new(server)
}

/// The settings of a handshake that answers an ACME challenge: the peer needs no certificate of its own, and nothing is
/// resumed.
///
/// # Panics
/// Never: see [`server_config`].
pub(in crate::tls) fn challenge_config(answers: Arc<dyn ResolvesServerCert>) -> Arc<ServerConfig> {
    let mut server = ServerConfig::builder_with_provider(crypto::provider())
        .with_protocol_versions(&[&TLS13, &TLS12])
        .expect("the provider has cipher suites for TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_cert_resolver(answers);
    server.alpn_protocols = vec![ACME_TLS.to_vec()];
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    Arc::new(server)
}

fn versions(oldest: config::TlsVersion) -> Vec<&'static SupportedProtocolVersion> {
    match oldest {
        config::TlsVersion::V1_2 => vec![&TLS13, &TLS12],
        config::TlsVersion::V1_3 => vec![&TLS13],
    }
}

/// The protocol of TLS-ALPN-01 challenges (RFC 8737 §6.2).
pub(in crate::tls) const ACME_TLS: &[u8] = b"acme-tls/1";

#[cfg(test)]
mod tests;
