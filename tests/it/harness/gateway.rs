//! [`Gateway`]: a gateway that plays a script, and what it was sent.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use frontgate::config::UpstreamAddress;
use tempfile::TempDir;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::message::Message;
use super::reserved::Reserved;
use super::trust::Identity;
use super::wire::Wire;
use super::within;

/// A gateway that is not running yet. It will listen on TCP unless told otherwise.
pub(crate) fn gateway() -> Builder {
    Builder { place: Place::Tcp }
}

pub(crate) struct Builder {
    place: Place,
}

enum Place {
    Tcp,
    At(Reserved),
    Tls,
    TlsBy(TlsAcceptor),
    Unix,
}

/// A running gateway; it ends with its connections when dropped.
pub(crate) struct Gateway {
    /// Where it listens.
    pub(crate) upstream: UpstreamAddress,
    /// Its certificate, if it speaks TLS, as a PEM file.
    pub(crate) ca_file: Option<PathBuf>,
    seen: UnboundedReceiver<Message>,
    connections: Arc<AtomicUsize>,
    _folder: TempDir,
    _tasks: JoinSet<()>,
}

/// One connection to a gateway, for its script.
pub(crate) struct Connection {
    /// Its number, from 0.
    pub(crate) number: usize,
    wire: Wire,
    seen: UnboundedSender<Message>,
}

impl Builder {
    pub(crate) fn over_tls(mut self) -> Self {
        self.place = Place::Tls;
        self
    }

    /// Over TLS with a certificate of the test's own.
    pub(crate) fn over_tls_by(mut self, acceptor: TlsAcceptor) -> Self {
        self.place = Place::TlsBy(acceptor);
        self
    }

    pub(crate) fn over_unix(mut self) -> Self {
        self.place = Place::Unix;
        self
    }

    /// At an address that was kept for it.
    pub(crate) fn at(mut self, address: Reserved) -> Self {
        self.place = Place::At(address);
        self
    }

    /// Answers every request with these bytes, one connection for as many as come.
    pub(crate) async fn answering(self, response: impl Into<Vec<u8>>) -> Gateway {
        let response: Arc<[u8]> = response.into().into();
        self.playing(move |mut connection| {
            let response = Arc::clone(&response);
            async move {
                while connection.request().await.is_some() {
                    // A client that is gone already is what some tests are about.
                    if connection.try_send(&response).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await
    }

    /// Plays `script` with each connection, all at the same time. A connection ends with its script.
    pub(crate) async fn playing<F, S>(self, script: F) -> Gateway
    where
        F: Fn(Connection) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let folder = TempDir::new().unwrap();
        let identity = Identity::new();
        let ca_file = folder.path().join("gateway.pem");
        std::fs::write(&ca_file, &identity.pem).unwrap();
        let (door, upstream) = match self.place {
            Place::At(reserved) => {
                let upstream = reserved.upstream();
                (Door::Tcp(reserved.listen()), upstream)
            }
            Place::Tcp | Place::Tls | Place::TlsBy(_) => {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let SocketAddr::V4(address) = listener.local_addr().unwrap() else { panic!("an IPv4 address") };
                let (host, port) = (address.ip().to_string(), address.port());
                match self.place {
                    Place::Tls => (Door::Tls(listener, identity.acceptor()), UpstreamAddress::Https { host, port }),
                    Place::TlsBy(acceptor) => (Door::Tls(listener, acceptor), UpstreamAddress::Https { host, port }),
                    _ => (Door::Tcp(listener), UpstreamAddress::Http { host, port }),
                }
            }
            Place::Unix => {
                let path = folder.path().join("gateway.sock");
                (Door::Unix(UnixListener::bind(&path).unwrap()), UpstreamAddress::Unix(path))
            }
        };
        let (sender, seen) = unbounded_channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut playing = JoinSet::new();
            loop {
                let Ok(wire) = door.accept().await else { continue };
                let number = count.fetch_add(1, Ordering::SeqCst);
                playing.spawn(script(Connection { number, wire, seen: sender.clone() }));
            }
        });
        Gateway { upstream, ca_file: Some(ca_file), seen, connections, _folder: folder, _tasks: tasks }
    }
}

impl Gateway {
    /// The next request that arrived.
    pub(crate) async fn request(&mut self) -> Message {
        within("a request at the gateway", self.seen.recv()).await.expect("the gateway runs")
    }

    /// A request that has arrived and was not asked for.
    pub(crate) fn unexpected(&mut self) -> Option<Message> {
        self.seen.try_recv().ok()
    }

    /// How many connections it has accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Connection {
    /// The next request, which [`Gateway::request`] returns too; `None` at the end of the connection. A question
    /// whether the gateway is ready is answered here.
    pub(crate) async fn request(&mut self) -> Option<Message> {
        let message = loop {
            let message = self.wire.next_request().await?;
            if message.target() != b"/startupz" {
                break message;
            }
            self.wire.try_send(READY).await.ok()?;
        };
        // The test may not wait for requests.
        let _ = self.seen.send(message.clone());
        Some(message)
    }
}

impl Deref for Connection {
    type Target = Wire;

    fn deref(&self) -> &Wire {
        &self.wire
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

/// A gateway that is ready.
pub(crate) const READY: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}";

enum Door {
    Tcp(TcpListener),
    Tls(TcpListener, TlsAcceptor),
    Unix(UnixListener),
}

impl Door {
    async fn accept(&self) -> io::Result<Wire> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Wire::new(stream))
            }
            Self::Tls(listener, acceptor) => Ok(Wire::new(acceptor.accept(listener.accept().await?.0).await?)),
            Self::Unix(listener) => Ok(Wire::new(listener.accept().await?.0)),
        }
    }
}
