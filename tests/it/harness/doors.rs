//! [`Doors`]: the ways into a running frontgate, whichever way it runs.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::http2::{Http2, Raw2};
use super::trust::Trust;
use super::wire::Wire;
use super::within;

/// The ways into a running frontgate.
#[derive(Default)]
pub(crate) struct Doors {
    pub(crate) https: Option<SocketAddr>,
    pub(crate) http: Option<SocketAddr>,
    pub(crate) plain: Option<SocketAddr>,
    pub(crate) unix: Option<PathBuf>,
    /// The local CA's certificate.
    pub(crate) ca: Option<PathBuf>,
}

impl Doors {
    /// A client that speaks HTTP/1.1 over TLS.
    pub(crate) async fn client(&self) -> Wire {
        Wire::new(self.tls(self.trust().offering(&["http/1.1"])).await)
    }

    /// A client that speaks HTTP/2.
    pub(crate) async fn http2(&self) -> Http2 {
        Http2::over(self.tls(self.trust().offering(&["h2"])).await).await
    }

    /// A client that writes HTTP/2 frames byte by byte.
    pub(crate) async fn raw_http2(&self) -> Raw2 {
        Raw2::over(Wire::new(self.tls(self.trust().offering(&["h2"])).await), None).await
    }

    /// The same with so much room for each of its answers.
    pub(crate) async fn narrow_http2(&self, window: u32) -> Raw2 {
        Raw2::over(Wire::new(self.tls(self.trust().offering(&["h2"])).await), Some(window)).await
    }

    /// A client of the plain listener that proxies.
    pub(crate) async fn plain_client(&self) -> Wire {
        Wire::new(dial(self.plain.expect("a plain listener")).await)
    }

    /// A client of the plain listener that redirects.
    pub(crate) async fn http_client(&self) -> Wire {
        Wire::new(dial(self.http.expect("a listener that redirects")).await)
    }

    /// A client of the unix listener.
    pub(crate) async fn unix_client(&self) -> Wire {
        let path = self.unix.as_deref().expect("a unix listener");
        Wire::new(within("the unix listener", UnixStream::connect(path)).await.unwrap())
    }

    /// A TCP connection to the TLS listener, on which nothing is said yet.
    pub(crate) async fn silent(&self) -> TcpStream {
        dial(self.https.expect("a TLS listener")).await
    }

    /// A TLS connection to `localhost`.
    pub(crate) async fn tls(&self, config: Arc<ClientConfig>) -> TlsStream<TcpStream> {
        handshake(self.silent().await, config, "localhost").await.unwrap()
    }

    /// What a client here trusts.
    pub(crate) fn trust(&self) -> Trust {
        Trust::file(self.ca.as_deref().expect("a local CA"))
    }
}

/// A TLS handshake over `stream`, for `name`.
pub(crate) async fn handshake(
    stream: TcpStream,
    config: Arc<ClientConfig>,
    name: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    within("the TLS handshake", TlsConnector::from(config).connect(name, stream)).await
}

/// A TCP connection from 127.0.0.1.
pub(crate) async fn dial(address: SocketAddr) -> TcpStream {
    dial_from(Ipv4Addr::LOCALHOST, address).await
}

/// A TCP connection from an address of this machine's own, such as 127.0.0.2.
pub(crate) async fn dial_from(from: Ipv4Addr, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let stream = within("a connection", socket.connect(address)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}
