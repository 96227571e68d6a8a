//! [`StartError`]: why frontgate cannot run.

use std::net::SocketAddr;

use crate::config::TokenError;
use crate::listener::BindError;
use crate::tls::acme::HttpsError;
use crate::tls::{ClientCaError, ClientConfigError, TlsError, UpstreamTlsError};

/// Why frontgate cannot run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The files of certificates.
    #[error("the files of the certificate could not be read within {0:?}: does its disk answer?")]
    Unread(std::time::Duration),
    /// What operators must show.
    #[error("admin.token: {0}")]
    AdminToken(#[from] TokenError),
    /// An admin listener that anybody could use.
    #[error(
        "every peer that reaches the admin listener at {0} could stop frontgate: give it a token (`admin: {{ token: … }}`), or a loopback address"
    )]
    AdminOpen(SocketAddr),
    /// It would not be used for long.
    #[error("frontgate is stopping")]
    Stopping,
    /// A listener, because of one of ours that is there until the change is done.
    #[error(
        "{error}\n    hint: frontgate itself listens at {own}; to move to an address that overlaps takes a restart"
    )]
    Overlap {
        /// What the kernel said.
        error: BindError,
        /// The other one.
        own: String,
    },
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] TlsError),
    /// The way to the authority of the public certificate.
    #[error(transparent)]
    Acme(#[from] HttpsError),
    /// The CA of clients.
    #[error(transparent)]
    Clients(#[from] ClientCaError),
    /// The trust store for an https gateway.
    #[error(transparent)]
    Trust(#[from] ClientConfigError),
    /// A file for an https gateway.
    #[error("upstreams: {0}")]
    UpstreamTls(#[from] UpstreamTlsError),
    /// The gateway's name.
    #[error("upstream: the host is not a name that a certificate can carry: {0}")]
    GatewayName(#[from] rustls::pki_types::InvalidDnsNameError),
    /// The library for cryptography, too.
    #[error("cannot make a key for passwords: the system gives no random bytes")]
    Random,
    /// The library for cryptography.
    #[error("cannot make session tickets: {0}")]
    Tickets(#[from] rustls::Error),
}
