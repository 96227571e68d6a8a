//! [`Connector`]: the only place that dials.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config::UpstreamAddress;
use crate::io::StreamSocket;
use crate::listener::{NameResolver, OwnAddresses, find_dead_peer, in_turns, race};
use crate::tls::ByteStream;

/// Dials the gateway.
#[derive(Clone)]
pub(crate) struct Connector {
    target: ConnectTarget,
    limit: Option<Duration>,
    names: NameResolver,
    /// Where it must not lead.
    own: OwnAddresses,
    /// The address of the name that was reached last. It is tried first: a silent address before it costs each
    /// connection a moment.
    reached: Arc<Mutex<Option<IpAddr>>>,
}

/// Why the gateway could not be reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// Its name has no address.
    #[error("the name {host} cannot be resolved: {source}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// No process listens there.
    #[error("connection refused")]
    Refused,
    /// The gateway neither accepted nor refused in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The TLS handshake with it failed.
    #[error("TLS with the gateway failed: {0}")]
    Tls(io::Error),
    /// This process, or its machine, has run out of what a connection takes.
    #[error("{}: {source}", .lacks.message())]
    Exhausted {
        /// The resource that has run out.
        lacks: Lacks,
        /// What the kernel said.
        source: io::Error,
    },
    /// What answers there is frontgate: it would ask itself for ever.
    #[error("its address is frontgate's own, {0}: `upstream` must be where the gateway itself listens")]
    Itself(SocketAddr),
    /// An operator has taken it out.
    #[error("it is being drained, until `frontgate drain --resume`")]
    Draining,
    /// Any other error that the kernel reports.
    #[error("{0}")]
    Io(io::Error),
}

/// A resource that a connection takes, and that has run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lacks {
    /// Open files: of the process (EMFILE) or of the machine (ENFILE).
    Files,
    /// Local ports. One address carries some 28,000 connections to one endpoint.
    Ports,
    /// The kernel's memory for sockets.
    Memory,
}

impl ConnectError {
    /// Every value of [`ConnectError::as_str`].
    pub(crate) const NAMES: [&str; 10] = [
        "unresolved",
        "refused",
        "timed_out",
        "tls",
        "itself",
        "draining",
        "no_files",
        "no_ports",
        "no_memory",
        "other",
    ];

    /// The error's stable name in metrics.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Resolve { .. } => "unresolved",
            Self::Refused => "refused",
            Self::TimedOut(_) => "timed_out",
            Self::Tls(_) => "tls",
            Self::Itself(_) => "itself",
            Self::Draining => "draining",
            Self::Exhausted { lacks: Lacks::Files, .. } => "no_files",
            Self::Exhausted { lacks: Lacks::Ports, .. } => "no_ports",
            Self::Exhausted { lacks: Lacks::Memory, .. } => "no_memory",
            Self::Io(_) => "other",
        }
    }

    /// Sorts an error of the kernel by what it means when a socket was to be opened.
    fn of(source: io::Error) -> Self {
        match Lacks::of(&source) {
            Some(lacks) => Self::Exhausted { lacks, source },
            None => match source.kind() {
                // A unix socket without a file means the same as a port on which no process listens.
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Self::Refused,
                _ => Self::Io(source),
            },
        }
    }
}

impl Lacks {
    fn of(error: &io::Error) -> Option<Self> {
        match (error.kind(), error.raw_os_error()) {
            (_, Some(ENFILE | EMFILE)) => Some(Self::Files),
            (io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse, _) => Some(Self::Ports),
            (io::ErrorKind::OutOfMemory, _) | (_, Some(ENOBUFS)) => Some(Self::Memory),
            _ => None,
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Files => "no file is left for a connection (raise LimitNOFILE= or `ulimit -n`)",
            Self::Ports => "no local port is left to connect from, or no local address",
            Self::Memory => "the kernel has no memory left for a connection",
        }
    }
}

const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const ENOBUFS: i32 = 105;

#[derive(Clone)]
enum ConnectTarget {
    Tcp { host: Arc<str>, port: u16, tls: Option<(TlsConnector, ServerName<'static>)> },
    Unix(Arc<PathBuf>),
}

impl Connector {
    /// A connector to `upstream`. If that is https, `tls` is given its host and returns how the handshake goes, and for
    /// which name. A connection that takes longer than `limit`, name resolution and TLS included, is given up.
    ///
    /// # Errors
    /// The error that `tls` returns.
    pub(crate) fn new<E>(
        upstream: &UpstreamAddress,
        limit: Option<Duration>,
        tls: impl FnOnce(&str) -> Result<(Arc<rustls::ClientConfig>, ServerName<'static>), E>,
    ) -> Result<Self, E> {
        let target = match upstream {
            UpstreamAddress::Unix(path) => ConnectTarget::Unix(Arc::new(path.clone())),
            UpstreamAddress::Http { host, port } => {
                ConnectTarget::Tcp { host: host.as_str().into(), port: *port, tls: None }
            }
            UpstreamAddress::Https { host, port } => {
                let (config, name) = tls(host)?;
                let tls = Some((TlsConnector::from(config), name));
                ConnectTarget::Tcp { host: host.as_str().into(), port: *port, tls }
            }
        };
        Ok(Self::to(target, limit))
    }

    /// A connector to `address`, whatever its name; over TLS if `tls` says how, and for which name.
    pub(crate) fn at(
        address: SocketAddr,
        limit: Option<Duration>,
        tls: Option<(Arc<rustls::ClientConfig>, ServerName<'static>)>,
    ) -> Self {
        let tls = tls.map(|(config, name)| (TlsConnector::from(config), name));
        Self::to(ConnectTarget::Tcp { host: address.ip().to_string().into(), port: address.port(), tls }, limit)
    }

    fn to(target: ConnectTarget, limit: Option<Duration>) -> Self {
        Self { target, limit, names: NameResolver::default(), own: OwnAddresses::default(), reached: Arc::default() }
    }

    /// The same connector with `names` as its resolver, which other connectors share.
    #[must_use]
    pub(crate) fn asking(self, names: NameResolver) -> Self {
        Self { names, ..self }
    }

    /// The same, which fails where it leads to one of these.
    #[must_use]
    pub(crate) fn never_to(self, own: OwnAddresses) -> Self {
        Self { own, ..self }
    }

    /// A fresh connection.
    ///
    /// # Errors
    /// The step that failed.
    pub(crate) async fn connect(&self) -> Result<ByteStream, ConnectError> {
        match self.limit {
            None => self.dial().await,
            Some(limit) => timeout(limit, self.dial()).await.unwrap_or(Err(ConnectError::TimedOut(limit))),
        }
    }

    /// The `Host` of requests that frontgate itself sends (RFC 9110 §7.2).
    pub(super) fn host(&self) -> HeaderValue {
        let host = match &self.target {
            ConnectTarget::Unix(_) => "localhost".to_owned(),
            ConnectTarget::Tcp { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
            ConnectTarget::Tcp { host, port, .. } => format!("{host}:{port}"),
        };
        HeaderValue::try_from(host).unwrap_or(HeaderValue::from_static("localhost"))
    }

    async fn dial(&self) -> Result<ByteStream, ConnectError> {
        match &self.target {
            ConnectTarget::Unix(path) => {
                let stream = UnixStream::connect(path.as_path()).await.map_err(ConnectError::of)?;
                Ok(ByteStream::Plain(StreamSocket::Unix(stream)))
            }
            ConnectTarget::Tcp { host, port, tls } => {
                let stream = self.dial_tcp(host, *port).await?;
                // A connection that is gone already says so when it is used.
                if let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr())
                    && let Some(own) = self.own.reached(local, peer)
                {
                    return Err(ConnectError::Itself(own));
                }
                let socket = StreamSocket::Tcp(stream);
                match tls {
                    None => Ok(ByteStream::Plain(socket)),
                    Some((connector, name)) => {
                        let stream = connector.connect(name.clone(), socket).await.map_err(ConnectError::Tls)?;
                        Ok(ByteStream::Client(Box::new(stream)))
                    }
                }
            }
        }
    }

    /// Connects to the first of the name's addresses that takes the connection.
    async fn dial_tcp(&self, host: &str, port: u16) -> Result<TcpStream, ConnectError> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return open((ip, port).into()).await.map_err(ConnectError::of);
        }
        let found = self.names.find(host).await.map_err(|source| match Lacks::of(&source) {
            Some(lacks) => ConnectError::Exhausted { lacks, source },
            None => ConnectError::Resolve { host: host.to_owned(), source },
        })?;
        if found.is_empty() {
            return Err(ConnectError::Resolve { host: host.to_owned(), source: io::ErrorKind::NotFound.into() });
        }
        let reached = || self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        let order = in_turns(&found, port, *reached());
        let (address, stream) = race(&order, open).await.map_err(ConnectError::of)?;
        *reached() = Some(address.ip());
        Ok(stream)
    }
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that dials")]
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    find_dead_peer(&stream)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use tokio::net::TcpListener;
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn what_has_run_out_is_named() {
        let errno = io::Error::from_raw_os_error;
        let rows = [
            (errno(EMFILE), "no_files"),
            (errno(ENFILE), "no_files"),
            (errno(99), "no_ports"),  // EADDRNOTAVAIL
            (errno(98), "no_ports"),  // EADDRINUSE
            (errno(12), "no_memory"), // ENOMEM
            (errno(ENOBUFS), "no_memory"),
            (errno(111), "refused"), // ECONNREFUSED
            (errno(2), "refused"),   // ENOENT
            (errno(113), "other"),   // EHOSTUNREACH
        ];
        for (error, expected) in rows {
            let text = error.to_string();
            let error = ConnectError::of(error);
            assert_eq!(error.as_str(), expected, "{text}");
            assert!(ConnectError::NAMES.contains(&error.as_str()));
            assert!(expected == "refused" || error.to_string().contains(&text), "{error}");
        }
        assert_eq!(ConnectError::NAMES.iter().collect::<HashSet<_>>().len(), ConnectError::NAMES.len());
    }

    /// An address that takes no connection: the queue of its listener is full, and the kernel drops what comes.
    async fn silent(ip: &str) -> (TcpListener, Vec<TcpStream>, u16) {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((ip.parse::<IpAddr>().unwrap(), 0).into()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(300), open(address)).await {
            queued.push(stream);
        }
        (listener, queued, address.port())
    }

    #[tokio::test]
    async fn a_silent_address_of_a_name_hides_no_live_one_and_costs_the_next_connection_nothing() {
        let (_full, _queued, port) = silent("127.0.0.2").await;
        let live = TcpListener::bind(("127.0.0.3", port)).await.unwrap();
        let both = NameResolver::by(|_| Ok(vec![[127, 0, 0, 2].into(), [127, 0, 0, 3].into()]));
        let limit = Duration::from_secs(20);
        let upstream = UpstreamAddress::Http { host: "gateway".to_owned(), port };
        let connector = Connector::new(&upstream, Some(limit), |_| Err(rustls::pki_types::InvalidDnsNameError));
        let connector = connector.unwrap().asking(both);
        let began = Instant::now();
        connector.connect().await.unwrap();
        assert!(began.elapsed() < limit / 2, "{:?}", began.elapsed());
        assert_eq!(*connector.reached.lock().unwrap(), Some([127, 0, 0, 3].into()));
        connector.connect().await.unwrap();
        drop(live);
        // Both of them gone: the live one refuses, and the other one is still tried.
        let short = Connector { limit: Some(Duration::from_millis(600)), ..connector };
        assert!(matches!(short.connect().await, Err(ConnectError::TimedOut(_))));
    }
}
