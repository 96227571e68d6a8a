//! [`Listener`]: a bound socket, and the connections that it accepts.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::{Domain, Protocol, SockAddr, Socket as RawSocket, Type};
use tokio::net::TcpListener;

use super::unsent::limit_unsent;
use super::{ClientPeer, find_dead_peer, unix_socket};
use crate::config::{BindAddr, ListenAt};
use crate::io::{StreamSocket, UnixListener};

/// A bound socket that clients connect to.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(Arc<TcpListener>),
    Unix(Arc<UnixListener>),
}

/// Why an address could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {cause}{}", hint(.cause))]
pub struct BindError {
    address: String,
    /// Said already in the text of the error: not its source, which would be said once more.
    cause: io::Error,
}

impl Listener {
    /// Binds `address` with the usual permissions.
    ///
    /// # Errors
    /// See [`Listener::bind_as`].
    pub(crate) fn bind(address: &BindAddr) -> Result<Self, BindError> {
        Self::bind_as(&address.clone().into())
    }

    /// Binds an address. An unspecified IPv6 address takes IPv4 too. The file of a unix socket that no process listens
    /// on any more is replaced.
    ///
    /// # Errors
    /// If it cannot be bound: the address, what the kernel said, and what to do about it.
    pub(crate) fn bind_as(wanted: &ListenAt) -> Result<Self, BindError> {
        let bound = match &wanted.address {
            BindAddr::Tcp(address) => bind_tcp(*address).map(Self::from),
            BindAddr::Unix(path) => unix_socket::bind(path, &wanted.access, BACKLOG).map(Self::from),
        };
        bound.map_err(|source| BindError::new(wanted.address.to_string(), source))
    }

    /// The address that was bound, with the port that the kernel chose if none was asked for.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    /// Waits for the next client.
    ///
    /// # Errors
    /// What accept(2) reports, which includes a client that is already gone.
    pub(crate) async fn accept(&self) -> io::Result<(StreamSocket, ClientPeer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // A frame must not wait for the acknowledgement of the one before.
                stream.set_nodelay(true)?;
                Ok((StreamSocket::Tcp(stream), ClientPeer::tcp(peer)))
            }
            Self::Unix(listener) => Ok((StreamSocket::Unix(listener.accept().await?.0), ClientPeer::Unix)),
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(Arc::new(listener))
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::Unix(Arc::new(listener))
    }
}

impl BindError {
    pub(super) fn new(address: String, cause: io::Error) -> Self {
        Self { address, cause }
    }

    /// The address, as it is written in a configuration.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The kind of the kernel's error.
    pub(crate) fn kind(&self) -> io::ErrorKind {
        self.cause.kind()
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    find_dead_peer(&socket)?;
    limit_unsent(&socket)?;
    match socket.bind(&SockAddr::from(address)) {
        // A machine without IPv6: the unspecified address still means "everywhere".
        Err(error) if address.is_ipv6() && address.ip().is_unspecified() && no_ipv6(&error) => {
            return bind_tcp(SocketAddr::from(([0, 0, 0, 0], address.port())));
        }
        bound => bound?,
    }
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn no_ipv6(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; another process listens there: stop it (`ss -ltnp` names it) or choose another port"
        }
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE)"
        }
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address (`ip address` lists those it has)",
        io::ErrorKind::NotFound => "; the folder does not exist",
        _ => "",
    }
}

/// Connections that the kernel completes and keeps for us while we are busy; it cuts this at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::UnixAccess;

    #[tokio::test]
    async fn a_taken_address_is_named_with_the_way_out() {
        let first = Listener::bind(&BindAddr::Tcp("127.0.0.1:0".parse().unwrap())).unwrap();
        let address = first.address().unwrap();
        let error = Listener::bind(&BindAddr::Tcp(address)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot listen on {address}: ")), "{error}");
        assert!(error.contains("another process listens there"), "{error}");
    }

    #[tokio::test]
    async fn an_abandoned_unix_socket_is_taken_over_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let address = BindAddr::Unix(path.clone());
        let live = Listener::bind(&address).unwrap();
        assert!(Listener::bind(&address).is_err(), "a live socket stays");
        drop(live);
        assert!(path.exists(), "the file outlives its listener");
        Listener::bind(&address).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "not a socket").unwrap();
        assert!(Listener::bind(&address).is_err(), "an ordinary file is never removed");
    }

    #[tokio::test]
    async fn a_unix_socket_is_for_the_user_and_the_group_unless_something_else_is_said() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let folder = tempfile::tempdir().unwrap();
        let own = std::fs::metadata(folder.path()).unwrap().gid();
        for (name, mode, group, expected) in [
            ("a", None, None, 0o660),
            ("b", Some(0o600), None, 0o600),
            ("c", Some(0o777), None, 0o777),
            ("d", Some(0o600), Some(own.to_string()), 0o600),
        ] {
            let path = folder.path().join(name);
            let address = BindAddr::Unix(path.clone());
            let _listener =
                Listener::bind_as(&ListenAt { address, access: UnixAccess { mode, group }, name: None }).unwrap();
            let file = std::fs::metadata(&path).unwrap();
            assert_eq!((file.permissions().mode() & 0o7777, file.gid()), (expected, own), "{name}");
            drop(std::os::unix::net::UnixStream::connect(&path).unwrap());
        }
        let path = folder.path().join("e");
        let access = UnixAccess { mode: None, group: Some("no-such-group".to_owned()) };
        let error =
            Listener::bind_as(&ListenAt { address: BindAddr::Unix(path.clone()), access, name: None }).unwrap_err();
        assert!(error.to_string().contains("there is no group no-such-group"), "{error}");
        assert!(std::error::Error::source(&error).is_none(), "a chain would say it once more");
        assert!(!path.exists(), "nothing is left behind");
    }

    #[tokio::test]
    async fn the_unspecified_ipv6_address_takes_ipv4_clients_and_shows_them_as_ipv4() {
        let listener = Listener::bind(&BindAddr::Tcp("[::]:0".parse().unwrap())).unwrap();
        let port = listener.address().unwrap().port();
        let client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, ClientPeer::Tcp(client.local_addr().unwrap()));
    }
}
