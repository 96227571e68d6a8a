//! [`Client`]: connects to the proxy as a browser does.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::HeaderValue;
use http::header::COOKIE;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CipherSuite, ClientConfig, HandshakeKind, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::Load;
use crate::http2::{Http2Sockets, Http2Stream};

/// The name that the proxy's certificate is for.
pub(crate) const NAME: &str = "gw.example.com";

/// How clients connect.
#[derive(Clone)]
pub(crate) struct Client {
    proxy: SocketAddr,
    /// The address that it connects from.
    from: Option<IpAddr>,
    tls: Option<TlsConnector>,
    /// Opens WebSockets over HTTP/2, in place of a connection for each.
    http2: Option<Arc<Http2Sockets>>,
    keeps_tickets: bool,
}

/// Whether clients come back with the session ticket of the last connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resumption {
    On,
    Off,
}

/// A connection to the proxy.
pub(crate) enum Connection {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Http2(Http2Stream),
}

impl Client {
    /// Clients that speak HTTP/1.1.
    pub(crate) fn new(load: &Load, resumption: Resumption) -> anyhow::Result<Self> {
        Self::offering(load, "http/1.1", resumption)
    }

    /// Clients that speak `protocol`.
    pub(crate) fn offering(load: &Load, protocol: &str, resumption: Resumption) -> anyhow::Result<Self> {
        let Some(ca) = &load.ca else {
            return Ok(Self { proxy: load.proxy, from: None, tls: None, http2: None, keeps_tickets: false });
        };
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(ca).with_context(|| format!("cannot read {}", ca.display()))?)?;
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        // The browsers' first choice; each proxy then ciphers the same.
        provider.cipher_suites.retain(|suite| suite.suite() == CipherSuite::TLS13_AES_128_GCM_SHA256);
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.into()];
        if resumption == Resumption::Off {
            config.resumption = rustls::client::Resumption::disabled();
        }
        Ok(Self {
            proxy: load.proxy,
            from: None,
            tls: Some(TlsConnector::from(Arc::new(config))),
            http2: None,
            keeps_tickets: resumption == Resumption::On,
        })
    }

    /// Clients that open so many WebSockets on each connection of HTTP/2.
    pub(crate) fn sharing(load: &Load, on_each: usize) -> anyhow::Result<Self> {
        let client = Self::offering(load, "h2", Resumption::Off)?;
        Ok(Self { http2: Some(Arc::new(Http2Sockets::new(on_each))), ..client })
    }

    /// Another user's client at this address: it has session tickets of its own.
    pub(crate) fn of_another_user(&self, from: Option<IpAddr>) -> Self {
        let tls = self.tls.as_ref().map(|tls| {
            let mut config = ClientConfig::clone(tls.config());
            if self.keeps_tickets {
                config.resumption = rustls::client::Resumption::in_memory_sessions(1);
            }
            TlsConnector::from(Arc::new(config))
        });
        Self { from, tls, ..self.clone() }
    }

    /// The same client before another proxy.
    pub(crate) fn at(&self, proxy: SocketAddr) -> Self {
        Self { proxy, ..self.clone() }
    }

    /// Connects, TLS handshake included.
    pub(crate) async fn connect(&self) -> anyhow::Result<Connection> {
        let stream = match self.from {
            None => TcpStream::connect(self.proxy).await?,
            Some(from) => {
                let socket = TcpSocket::new_v4()?;
                socket.bind((from, 0).into())?;
                socket.connect(self.proxy).await?
            }
        };
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Connection::Plain(stream)) };
        Ok(Connection::Tls(Box::new(tls.connect(ServerName::try_from(NAME)?, stream).await?)))
    }

    /// Opens a WebSocket at `path`.
    pub(crate) async fn open(&self, path: &str) -> anyhow::Result<WebSocketStream<Connection>> {
        // Thousands of idle ones share this machine with the proxy.
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
        if let Some(sockets) = &self.http2 {
            let stream = Connection::Http2(sockets.open(path, || self.connect()).await?);
            return Ok(WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await);
        }
        let connection = self.connect().await?;
        let url = format!("wss://{NAME}{path}");
        Ok(tokio_tungstenite::client_async_with_config(url, connection, Some(config)).await?.0)
    }

    /// Opens a WebSocket, and lets one message pass through it: the whole way is there, and what the proxy sent at first, such as
    /// session tickets, has been read.
    pub(crate) async fn open_through(&self) -> anyhow::Result<WebSocketStream<Connection>> {
        let mut socket = self.open("/ws").await?;
        pass_through(&mut socket).await?;
        Ok(socket)
    }

    /// The same over HTTP/1.1 with this cookie; with the answer to the handshake.
    pub(crate) async fn open_with(
        &self,
        cookie: Option<&HeaderValue>,
    ) -> anyhow::Result<(WebSocketStream<Connection>, Response)> {
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
        let mut request = format!("wss://{NAME}/ws").into_client_request()?;
        request.headers_mut().extend(cookie.map(|cookie| (COOKIE, cookie.clone())));
        let connection = self.connect().await?;
        let (mut socket, answer) =
            tokio_tungstenite::client_async_with_config(request, connection, Some(config)).await?;
        pass_through(&mut socket).await?;
        Ok((socket, answer))
    }
}

async fn pass_through(socket: &mut WebSocketStream<Connection>) -> anyhow::Result<()> {
    socket.send(Message::Binary(Bytes::from_static(&[b'x'; 256]))).await?;
    socket.next().await.ok_or_else(|| anyhow::anyhow!("the WebSocket was closed"))??;
    Ok(())
}

impl Connection {
    /// Whether the TLS session is one from before; `None` without TLS.
    pub(crate) fn is_resumed(&self) -> Option<bool> {
        let Self::Tls(stream) = self else { return None };
        Some(stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed))
    }

    /// What the keys were agreed on with.
    pub(crate) fn key_exchange(&self) -> Option<String> {
        let Self::Tls(stream) = self else { return None };
        stream.get_ref().1.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Http2(stream) => Pin::new(stream).poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, from),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, from),
            Self::Http2(stream) => Pin::new(stream).poll_write(cx, from),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Http2(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Http2(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

const READ_BUFFER: usize = 4 << 10;
