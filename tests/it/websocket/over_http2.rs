//! [`OverHttp2`]: a client of HTTP/1.1 and its WebSocket, as they are over HTTP/2 (RFC 8441), so that one test is for both.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes, BytesMut};
use h2::client::SendRequest;
use h2::ext::Protocol;
use h2::{RecvStream, SendStream};
use http::{Method, Request, Response};
use socket2::{SockRef, Socket};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf, duplex, split};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// A connection on which a client writes and reads HTTP/1.1, and that speaks HTTP/2 to the other side. It carries one request.
pub(crate) struct OverHttp2 {
    io: DuplexStream,
    socket: Socket,
    _tasks: JoinSet<()>,
}

impl OverHttp2 {
    /// Speaks HTTP/2 over `stream`, on which nothing was said yet.
    pub(crate) fn new(stream: TlsStream<TcpStream>) -> Self {
        let socket = SockRef::from(stream.get_ref().0).try_clone().unwrap();
        // As much as a socket takes at least.
        let (io, far) = duplex(4096);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // A client that leaves in the middle is what some tests are about.
            let _ = carry(far, stream).await;
        });
        Self { io, socket, _tasks: tasks }
    }

    /// The TCP socket under it.
    pub(crate) fn socket(&self) -> Socket {
        self.socket.try_clone().unwrap()
    }
}

/// A client of HTTP/2 that may open WebSockets: the server has said that it may.
pub(crate) async fn client(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    tasks: &mut JoinSet<()>,
) -> Result<SendRequest<Bytes>, h2::Error> {
    // One stream that is not read leaves room for others.
    let builder = h2::client::Builder::new().initial_connection_window_size(8 << 20).clone();
    let (mut client, connection) = builder.handshake(stream).await?;
    tasks.spawn(async move {
        // How it ends shows on its streams.
        let _ = connection.await;
    });
    while !client.is_extended_connect_protocol_enabled() {
        poll_fn(|cx| client.poll_ready(cx)).await?;
        tokio::task::yield_now().await;
    }
    Ok(client)
}

/// Opens a stream for a WebSocket, with these fields: the answer, and what the client sends.
pub(crate) fn connect(
    client: &mut SendRequest<Bytes>,
    target: &str,
    fields: &[(&str, &str)],
) -> Result<(h2::client::ResponseFuture, SendStream<Bytes>), h2::Error> {
    let request = Request::builder().method(Method::CONNECT).uri(format!("https://localhost{target}"));
    let request = request.extension(Protocol::from_static("websocket"));
    let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    client.send_request(request.body(()).unwrap(), false)
}

async fn carry(mut far: DuplexStream, stream: TlsStream<TcpStream>) -> io::Result<()> {
    let mut tasks = JoinSet::new();
    let mut client = client(stream, &mut tasks).await.map_err(io::Error::other)?;
    let mut read = BytesMut::new();
    let head = loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break read.split_to(end + 4);
        }
        if far.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    };
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut fields);
    request.parse(&head).unwrap();
    let passes = |name: &str| {
        !["host", "connection", "upgrade", "sec-websocket-key"].iter().any(|hop| name.eq_ignore_ascii_case(hop))
    };
    let fields: Vec<(&str, &str)> = request
        .headers
        .iter()
        .filter(|field| passes(field.name))
        .map(|field| (field.name, std::str::from_utf8(field.value).unwrap()))
        .collect();
    let is_key = |field: &&httparse::Header<'_>| field.name.eq_ignore_ascii_case("sec-websocket-key");
    let key = request.headers.iter().find(is_key).map(|field| field.value.to_vec());
    let (answer, sending) = connect(&mut client, request.path.unwrap(), &fields).map_err(io::Error::other)?;
    let (from, mut to) = split(far);
    // What follows the handshake does not wait for the answer.
    tasks.spawn(async move {
        let mut from = from;
        let _ = send(&mut from, read, sending).await;
        let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    });
    let (head, body) = answer.await.map_err(io::Error::other)?.into_parts();
    to.write_all(&written(&Response::from_parts(head, ()), key.as_deref())).await?;
    receive(body, to).await?;
    // What the client still writes is taken, as a socket takes it.
    std::future::pending().await
}

/// The head as HTTP/1.1 has it, for a client that sent this key.
fn written(answer: &Response<()>, key: Option<&[u8]>) -> Vec<u8> {
    let status =
        if answer.status() == 200 { "101 Switching Protocols".to_owned() } else { answer.status().to_string() };
    let mut head = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for (name, value) in answer.headers() {
        head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    if let (true, Some(key)) = (answer.status() == 200, key) {
        let accept = derive_accept_key(key);
        head.extend(
            format!("connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {accept}\r\n").into_bytes(),
        );
    }
    [&head[..], b"\r\n"].concat()
}

async fn send(from: &mut (impl AsyncRead + Unpin), mut read: BytesMut, mut to: SendStream<Bytes>) -> io::Result<()> {
    loop {
        let mut bytes = read.split().freeze();
        while !bytes.is_empty() {
            to.reserve_capacity(bytes.len());
            while to.capacity() == 0 {
                match poll_fn(|cx| to.poll_capacity(cx)).await {
                    Some(capacity) => drop(capacity.map_err(io::Error::other)?),
                    None => return Ok(()),
                }
            }
            let piece = bytes.split_to(to.capacity().min(bytes.len()));
            to.send_data(piece, false).map_err(io::Error::other)?;
        }
        if from.read_buf(&mut read).await? == 0 {
            to.send_data(Bytes::new(), true).map_err(io::Error::other)?;
            // The stream would be reset if this were dropped before the answer has ended.
            return std::future::pending().await;
        }
    }
}

async fn receive(mut body: RecvStream, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    while let Some(bytes) = body.data().await {
        let mut bytes = bytes.map_err(io::Error::other)?;
        let length = bytes.remaining();
        to.write_all_buf(&mut bytes).await?;
        body.flow_control().release_capacity(length).map_err(io::Error::other)?;
    }
    to.shutdown().await
}

impl AsyncRead for OverHttp2 {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, into)
    }
}

impl AsyncWrite for OverHttp2 {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
