//! [`StartError`]: why frontgate cannot run.

use crate::listener::BindError;
use crate::tls::acme::HttpsError;
use crate::tls::{ClientCaError, ClientConfigError, TlsError, UpstreamTlsError};

/// Why frontgate cannot run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener.
    #[error(transparent)]
    Bind(#[from] BindError),
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
