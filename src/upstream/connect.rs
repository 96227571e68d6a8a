//! [`Connector`]: the only place that dials.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config::Upstream;
use crate::listener::{Socket, find_dead_peer};
use crate::tls::Stream;

/// Dials the gateway.
#[derive(Clone)]
pub struct Connector {
    target: Target,
    limit: Option<Duration>,
}

/// Why the gateway could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Its name has no address.
    #[error("the name {host} cannot be resolved: {source}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// Nobody listens there.
    #[error("connection refused")]
    Refused,
    /// Neither accepted nor refused in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The TLS handshake with it failed.
    #[error("TLS with the gateway failed: {0}")]
    Tls(io::Error),
    /// Anything else the kernel reports.
    #[error("{0}")]
    Io(io::Error),
}

impl ConnectError {
    /// Its name in metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Resolve { .. } => "unresolved",
            Self::Refused => "refused",
            Self::TimedOut(_) => "timed_out",
            Self::Tls(_) => "tls",
            Self::Io(_) => "other",
        }
    }
}

#[derive(Clone)]
enum Target {
    Tcp { host: Arc<str>, port: u16, tls: Option<(TlsConnector, ServerName<'static>)> },
    Unix(Arc<PathBuf>),
}

impl Connector {
    /// A connector to `upstream`. If that is https, `tls` is told its host and says how the handshake goes, and for which name. A
    /// connection that takes longer than `limit`, name resolution and TLS included, is given up.
    ///
    /// # Errors
    /// What `tls` reports.
    pub fn new<E>(
        upstream: &Upstream,
        limit: Option<Duration>,
        tls: impl FnOnce(&str) -> Result<(Arc<rustls::ClientConfig>, ServerName<'static>), E>,
    ) -> Result<Self, E> {
        let target = match upstream {
            Upstream::Unix(path) => Target::Unix(Arc::new(path.clone())),
            Upstream::Http { host, port } => Target::Tcp { host: host.as_str().into(), port: *port, tls: None },
            Upstream::Https { host, port } => {
                let (config, name) = tls(host)?;
                let tls = Some((TlsConnector::from(config), name));
                Target::Tcp { host: host.as_str().into(), port: *port, tls }
            }
        };
        Ok(Self { target, limit })
    }

    /// A connector to `address`, whatever its name; over TLS if `tls` says how, and for which name.
    pub fn at(
        address: SocketAddr,
        limit: Option<Duration>,
        tls: Option<(Arc<rustls::ClientConfig>, ServerName<'static>)>,
    ) -> Self {
        let tls = tls.map(|(config, name)| (TlsConnector::from(config), name));
        Self { target: Target::Tcp { host: address.ip().to_string().into(), port: address.port(), tls }, limit }
    }

    /// A fresh connection.
    ///
    /// # Errors
    /// Which step failed.
    pub async fn connect(&self) -> Result<Stream, ConnectError> {
        match self.limit {
            None => self.dial().await,
            Some(limit) => timeout(limit, self.dial()).await.unwrap_or(Err(ConnectError::TimedOut(limit))),
        }
    }

    /// What a request of frontgate's own is addressed to (RFC 9110 §7.2).
    pub(super) fn host(&self) -> HeaderValue {
        let host = match &self.target {
            Target::Unix(_) => "localhost".to_owned(),
            Target::Tcp { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
            Target::Tcp { host, port, .. } => format!("{host}:{port}"),
        };
        HeaderValue::try_from(host).unwrap_or(HeaderValue::from_static("localhost"))
    }

    async fn dial(&self) -> Result<Stream, ConnectError> {
        match &self.target {
            Target::Unix(path) => {
                let stream = UnixStream::connect(path.as_path()).await.map_err(refused_or_io)?;
                Ok(Stream::Plain(Socket::Unix(stream)))
            }
            Target::Tcp { host, port, tls } => {
                let socket = Socket::Tcp(dial_tcp(host, *port).await?);
                match tls {
                    None => Ok(Stream::Plain(socket)),
                    Some((connector, name)) => {
                        let stream = connector.connect(name.clone(), socket).await.map_err(ConnectError::Tls)?;
                        Ok(Stream::Client(Box::new(stream)))
                    }
                }
            }
        }
    }
}

/// Tries the name's addresses in order; the last failure is reported.
async fn dial_tcp(host: &str, port: u16) -> Result<TcpStream, ConnectError> {
    let resolve = |source| ConnectError::Resolve { host: host.to_owned(), source };
    let mut last = None;
    for address in lookup_host((host, port)).await.map_err(resolve)? {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that dials")]
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(ConnectError::Io)?;
                find_dead_peer(&stream).map_err(ConnectError::Io)?;
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.map_or_else(|| resolve(io::ErrorKind::NotFound.into()), refused_or_io))
}

fn refused_or_io(error: io::Error) -> ConnectError {
    match error.kind() {
        // A unix socket's file that is not there means the same as a port nobody listens on.
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => ConnectError::Refused,
        _ => ConnectError::Io(error),
    }
}
