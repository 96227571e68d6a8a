//! [`Connector`]: the only place that dials.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
#[cfg(target_os = "linux")]
use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use rustls::pki_types::ServerName;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::source_addresses::{SourceAddresses, SourceGuard};
use crate::config::UpstreamAddress;
use crate::io::{StreamSocket, UnixStream};
use crate::listener::{NameResolver, OwnAddresses, find_dead_peer, in_turns, race};
use crate::platform::error_codes::{lacks_files, lacks_socket_memory};
use crate::tls::ByteStream;

/// Dials the gateway.
#[derive(Clone)]
pub(crate) struct Connector {
    target: ConnectTarget,
    limit: Option<Duration>,
    names: NameResolver,
    /// Where it must not lead.
    own: OwnAddresses,
    /// Where its connections come from.
    sources: SourceAddresses,
    /// What it is called in requests that frontgate itself sends, if not by its address.
    called: Option<HeaderValue>,
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
    /// The DNS has given no gateway for its name.
    #[error("the DNS has given no gateway for {0} yet")]
    NoGateways(Arc<str>),
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
    pub(crate) const NAMES: [&str; 11] = [
        "unresolved",
        "refused",
        "timed_out",
        "reset",
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
            Self::Resolve { .. } | Self::NoGateways(_) => "unresolved",
            Self::Refused => "refused",
            Self::TimedOut(_) => "timed_out",
            Self::Tls(_) => "tls",
            Self::Itself(_) => "itself",
            Self::Draining => "draining",
            Self::Exhausted { lacks: Lacks::Files, .. } => "no_files",
            Self::Exhausted { lacks: Lacks::Ports, .. } => "no_ports",
            Self::Exhausted { lacks: Lacks::Memory, .. } => "no_memory",
            Self::Io(source) if source.kind() == io::ErrorKind::ConnectionReset => "reset",
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
        match error.kind() {
            _ if lacks_files(error) => Some(Self::Files),
            io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse => Some(Self::Ports),
            io::ErrorKind::OutOfMemory => Some(Self::Memory),
            _ if lacks_socket_memory(error) => Some(Self::Memory),
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
        Self {
            target,
            limit,
            names: NameResolver::default(),
            own: OwnAddresses::default(),
            sources: SourceAddresses::default(),
            called: None,
            reached: Arc::default(),
        }
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

    /// The same, from these addresses.
    #[must_use]
    pub(crate) fn coming_from(self, sources: SourceAddresses) -> Self {
        Self { sources, ..self }
    }

    /// The same, called `host:port` in requests that frontgate itself sends.
    #[must_use]
    pub(crate) fn called(self, host: &str, port: u16) -> Self {
        Self { called: HeaderValue::try_from(format!("{host}:{port}")).ok(), ..self }
    }

    /// How many connections there are from each address of the configuration's.
    pub(super) fn source_counts(&self) -> Vec<(IpAddr, usize)> {
        self.sources.counts()
    }

    /// A fresh connection.
    ///
    /// # Errors
    /// The step that failed.
    pub(crate) async fn connect(&self) -> Result<ByteStream, ConnectError> {
        self.connect_counted().await.map(|(stream, _)| stream)
    }

    /// A fresh connection, and the guard that counts it at its source.
    ///
    /// # Errors
    /// The step that failed.
    pub(super) async fn connect_counted(&self) -> Result<(ByteStream, SourceGuard), ConnectError> {
        match self.limit {
            None => self.dial().await,
            Some(limit) => timeout(limit, self.dial()).await.unwrap_or(Err(ConnectError::TimedOut(limit))),
        }
    }

    /// The `Host` of requests that frontgate itself sends (RFC 9110 §7.2).
    pub(super) fn host(&self) -> HeaderValue {
        if let Some(called) = &self.called {
            return called.clone();
        }
        let host = match &self.target {
            ConnectTarget::Unix(_) => "localhost".to_owned(),
            ConnectTarget::Tcp { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
            ConnectTarget::Tcp { host, port, .. } => format!("{host}:{port}"),
        };
        HeaderValue::try_from(host).unwrap_or(HeaderValue::from_static("localhost"))
    }

    async fn dial(&self) -> Result<(ByteStream, SourceGuard), ConnectError> {
        match &self.target {
            ConnectTarget::Unix(path) => {
                let stream = UnixStream::connect(path.as_path()).await.map_err(ConnectError::of)?;
                Ok((ByteStream::Plain(StreamSocket::Unix(stream)), None))
            }
            ConnectTarget::Tcp { host, port, tls } => {
                let (stream, counted) = self.dial_tcp(host, *port).await?;
                // A connection that is gone already says so when it is used.
                if let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr())
                    && let Some(own) = self.own.reached(local, peer)
                {
                    return Err(ConnectError::Itself(own));
                }
                let socket = StreamSocket::Tcp(stream);
                let stream = match tls {
                    None => ByteStream::Plain(socket),
                    Some((connector, name)) => {
                        let stream = connector.connect(name.clone(), socket).await.map_err(ConnectError::Tls)?;
                        ByteStream::Client(Box::new(stream))
                    }
                };
                Ok((stream, counted))
            }
        }
    }

    /// Connects to the first of the name's addresses that takes the connection.
    async fn dial_tcp(&self, host: &str, port: u16) -> Result<(TcpStream, SourceGuard), ConnectError> {
        let open = |address: SocketAddr| async move {
            if self.sources.is_empty() {
                Ok((open(address).await?, None))
            } else {
                open_from(&self.sources, address).await
            }
        };
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

/// A connection to `address`.
pub(super) async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that dials")]
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    find_dead_peer(&stream)?;
    Ok(stream)
}

/// Connects from the least used of these addresses that has a port left for `address`.
async fn open_from(sources: &SourceAddresses, address: SocketAddr) -> io::Result<(TcpStream, SourceGuard)> {
    let mut failed = io::Error::new(io::ErrorKind::AddrNotAvailable, "`source` has no address of this family");
    for (source, count) in sources.towards(address.ip()) {
        // Counted while it is made: others that dial meanwhile take another one.
        let counted = count.enter();
        let connected = async {
            let socket = if source.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            // The port is chosen when it is known where to: each endpoint has all of them.
            #[cfg(target_os = "linux")]
            setsockopt(&socket, IpBindAddressNoPort, &true)?;
            socket.bind((source, 0).into())?;
            socket.connect(address).await
        };
        match connected.await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                find_dead_peer(&stream)?;
                return Ok((stream, Some(counted)));
            }
            Err(error) if Lacks::of(&error) == Some(Lacks::Ports) => failed = error,
            Err(error) => return Err(error),
        }
    }
    Err(failed)
}

#[cfg(test)]
pub(super) mod tests;
