//! [`StartError`]: why frontgate cannot start or take a configuration over.

use std::net::SocketAddr;

use crate::config::{ClientSecretError, TokenError};
use crate::http::auth::session::store::SessionStoreError;
use crate::listener::BindError;
use crate::tls::acme::HttpsError;
use crate::tls::{ClientCaError, ClientConfigError, StateError, TlsError, UpstreamTlsError};

/// Why frontgate cannot start or take a configuration over.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The files of certificates were not read in time.
    #[error("the files of the certificate could not be read within {0:?}: does its disk answer?")]
    Unread(std::time::Duration),
    /// The thread on which operators are answered cannot be started.
    #[error("cannot start a thread for the admin listener: {0}")]
    AdminThread(std::io::Error),
    /// The token that operators must show cannot be read.
    #[error("admin.token: {0}")]
    AdminToken(#[from] TokenError),
    /// An admin listener without a token that other machines can reach.
    #[error(
        "every peer that reaches the admin listener at {0} could stop frontgate: give it a token (`admin: {{ token: … }}`), or a loopback address"
    )]
    AdminOpen(SocketAddr),
    /// The process is stopping and would not use the configuration for long.
    #[error("frontgate is stopping")]
    Stopping,
    /// A listener cannot be bound, because one of frontgate's own stays open until the change is done.
    #[error(
        "{error}\n    hint: frontgate itself listens at {own}; to move to an address that overlaps takes a restart"
    )]
    Overlap {
        /// The kernel's error.
        error: BindError,
        /// The address of that other listener.
        own: String,
    },
    /// The certificate cannot be opened.
    #[error(transparent)]
    Certificate(#[from] TlsError),
    /// The HTTPS client for the authority of the public certificate cannot be made.
    #[error(transparent)]
    Acme(#[from] HttpsError),
    /// The CA of client certificates cannot be read.
    #[error(transparent)]
    Clients(#[from] ClientCaError),
    /// The trust store for an https gateway cannot be loaded.
    #[error(transparent)]
    Trust(#[from] ClientConfigError),
    /// A file of an https gateway's settings cannot be used.
    #[error("upstreams: {0}")]
    UpstreamTls(#[from] UpstreamTlsError),
    /// The gateway's host is not a name that TLS can verify.
    #[error("upstream: the host is not a name that a certificate can carry: {0}")]
    GatewayName(#[from] rustls::pki_types::InvalidDnsNameError),
    /// The secret for an issuer of logins cannot be read.
    #[error("auth.oidc.client_secret: {0}")]
    ClientSecret(#[from] ClientSecretError),
    /// A file of an issuer's settings cannot be used.
    #[error("auth.oidc.tls: {0}")]
    IssuerTls(#[source] UpstreamTlsError),
    /// The keys of sessions cannot be read or made.
    #[error("auth.oidc: {0}")]
    Sessions(#[from] SessionStoreError),
    /// The state directory cannot be opened.
    #[error("auth.oidc keeps its keys in the state directory: {0}")]
    SessionFolder(#[from] StateError),
    /// There is no state directory.
    #[error("auth.oidc keeps its keys in the state directory: set state_dir, FRONTGATE_STATE_DIR or HOME")]
    NoSessionFolder,
    /// The keys of sticky cookies cannot be read or written.
    #[error("upstreams: the keys of sticky cookies are kept in the state directory: {0}")]
    StickyKeys(#[source] StateError),
    /// The cryptographic library gives no random bytes.
    #[error("cannot make a key: the system gives no random bytes")]
    Random,
    /// The secret of the cluster cannot be read.
    #[error("cluster.secret: {0}")]
    ClusterSecret(#[source] ClientSecretError),
    /// The secret of the cluster is too short.
    #[error("cluster.secret: the secret has {length} bytes, and needs 32: take what `openssl rand -hex 32` prints")]
    ShortSecret {
        /// Its bytes.
        length: usize,
    },
    /// A file of the settings of the cluster's Redis cannot be used.
    #[error("cluster.tls: {0}")]
    ClusterTls(#[source] UpstreamTlsError),
    /// The thread on which Redis is asked cannot be started.
    #[error("cannot start a thread for the cluster: {0}")]
    ClusterThread(std::io::Error),
    /// The thread on which traces and metrics are sent cannot be started.
    #[cfg(feature = "otlp")]
    #[error("cannot start a thread for telemetry: {0}")]
    TelemetryThread(std::io::Error),
    /// There are no keys for session tickets.
    #[error("cannot make session tickets: {0}")]
    Tickets(#[from] rustls::Error),
}
