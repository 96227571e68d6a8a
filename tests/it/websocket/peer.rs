//! Both ends of a WebSocket as bytes: what a client or a gateway writes and reads, with nothing in between.

use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use rustls::ClientConfig;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf, ReadHalf, WriteHalf, split};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::frame::{Frame, MASK};

/// The most a peer waits for anything. No verdict depends on it: it only turns a hang into a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The name that clients ask for; no loopback name, so forwarding headers are set.
pub(crate) const NAME: &str = "gw.example.com";

/// A handshake like a browser's, as short as it can be, with the key of RFC 6455 §1.3.
pub(crate) const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: gw.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAccept: application/json\r\n\r\n";

/// The gateway's answer to [`UPGRADE`].
pub(crate) const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// One end of a connection.
pub(crate) struct Wire {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
    /// The same socket, for what only a socket can do.
    socket: std::net::TcpStream,
}

/// What comes in.
pub(crate) struct Reader {
    io: ReadHalf<Box<dyn Stream>>,
    read: BytesMut,
}

/// What goes out.
pub(crate) struct Writer {
    io: WriteHalf<Box<dyn Stream>>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Wire {
    /// A connection to `address`, over TLS if there is something to verify it with.
    pub(crate) async fn connect(address: SocketAddr, tls: Option<Arc<ClientConfig>>) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        let tcp = within(socket.connect(address)).await.unwrap();
        Self::over(tcp, tls).await
    }

    /// The same, by a client that has little room for what it has not read yet.
    pub(crate) async fn connect_with_little_room(address: SocketAddr, tls: Option<Arc<ClientConfig>>) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        let tcp = within(socket.connect(address)).await.unwrap();
        Self::over(tcp, tls).await
    }

    async fn over(tcp: TcpStream, tls: Option<Arc<ClientConfig>>) -> Self {
        tcp.set_nodelay(true).unwrap();
        let tcp = tcp.into_std().unwrap();
        let socket = tcp.try_clone().unwrap();
        let tcp = TcpStream::from_std(tcp).unwrap();
        let io: Box<dyn Stream> = match tls {
            None => Box::new(tcp),
            Some(config) => {
                let name = NAME.try_into().unwrap();
                Box::new(within(TlsConnector::from(config).connect(name, tcp)).await.unwrap())
            }
        };
        let (reader, writer) = split(io);
        Self { reader: Reader { io: reader, read: BytesMut::new() }, writer: Writer { io: writer }, socket }
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.writer.write(bytes.as_ref()).await;
    }

    pub(crate) async fn expect(&mut self, bytes: impl AsRef<[u8]>) {
        self.reader.expect(bytes.as_ref()).await;
    }

    /// The head of a request or of an answer, as it came.
    pub(crate) async fn head(&mut self) -> String {
        self.reader.try_head().await.expect("a head, not the end of the connection")
    }

    /// The same; `None` if the connection ends instead.
    pub(crate) async fn try_head(&mut self) -> Option<String> {
        self.reader.try_head().await
    }

    pub(crate) async fn frame(&mut self) -> Frame {
        self.reader.frame().await
    }

    /// Everything until the connection ends, in whatever way.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        self.reader.rest().await
    }

    /// What has come so far, without waiting for more.
    pub(crate) async fn at_hand(&mut self) -> Vec<u8> {
        self.reader.at_hand().await
    }

    /// Answers a handshake, and is a WebSocket afterwards.
    pub(crate) async fn grant(&mut self) {
        self.head().await;
        self.write(SWITCHED).await;
    }

    /// Gives our side of the connection up, and reads on.
    pub(crate) async fn finish(&mut self) {
        within(self.writer.io.shutdown()).await.unwrap();
    }

    /// Is gone as a process is that was killed: the kernel says FIN, TLS says nothing.
    pub(crate) fn vanish(self) {
        self.socket.shutdown(std::net::Shutdown::Both).unwrap();
    }

    /// Is gone with a RST.
    pub(crate) fn reset(self) {
        SockRef::from(&self.socket).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

impl Writer {
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        within(async {
            self.io.write_all(bytes).await?;
            self.io.flush().await
        })
        .await
        .unwrap();
    }

    /// Writes as much of `bytes` as the other side takes without reading on, and returns how much that is.
    ///
    /// "Without reading on" is a guess after a moment without progress; a moment too short makes it write less, no more.
    pub(crate) async fn write_until_stuck(&mut self, bytes: &[u8]) -> usize {
        let mut written = 0;
        while written < bytes.len() {
            match timeout(MOMENT, self.io.write(&bytes[written..])).await {
                Ok(more) => written += more.unwrap(),
                Err(_) => break,
            }
        }
        written
    }
}

impl Reader {
    pub(crate) async fn expect(&mut self, bytes: &[u8]) {
        while self.read.len() < bytes.len() {
            assert!(bytes.starts_with(&self.read), "got {} instead of {}", Show(&self.read), Show(bytes));
            if self.more().await == 0 {
                panic!("the connection ended after {} instead of {}", Show(&self.read), Show(bytes));
            }
        }
        assert!(self.read.starts_with(bytes), "got {} instead of {}", Show(&self.read), Show(bytes));
        self.read.advance(bytes.len());
    }

    /// The next `length` bytes.
    pub(crate) async fn take(&mut self, length: usize) -> Vec<u8> {
        while self.read.len() < length {
            assert!(self.more().await > 0, "the connection ended after {}", Show(&self.read));
        }
        self.read.split_to(length).to_vec()
    }

    /// Drops `length` bytes, whatever they are.
    pub(crate) async fn skip(&mut self, length: usize) {
        let mut left = length;
        while left > 0 {
            if self.read.is_empty() {
                assert!(self.more().await > 0, "the connection ended {left} bytes too early");
            }
            let taken = left.min(self.read.len());
            self.read.advance(taken);
            left -= taken;
        }
    }

    async fn try_head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                return Some(String::from_utf8(self.read.split_to(end + 4).to_vec()).unwrap());
            }
            if self.more().await == 0 {
                return None;
            }
        }
    }

    pub(crate) async fn frame(&mut self) -> Frame {
        loop {
            if let Some((frame, length)) = Frame::parse(&self.read) {
                self.read.advance(length);
                return frame;
            }
            assert!(self.more().await > 0, "the connection ended after {} instead of a frame", Show(&self.read));
        }
    }

    /// The next frame that is no ping, and the pings before it.
    pub(crate) async fn frame_after_pings(&mut self) -> (Frame, Vec<Frame>) {
        let mut pings = Vec::new();
        loop {
            match self.frame().await {
                ping if ping.first == 0x89 => pings.push(ping),
                frame => return (frame, pings),
            }
        }
    }

    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.more().await > 0 {}
        std::mem::take(&mut self.read).to_vec()
    }

    async fn at_hand(&mut self) -> Vec<u8> {
        let mut space = [0; 4096];
        let mut buffer = ReadBuf::new(&mut space);
        poll_fn(|cx| {
            let _ = Pin::new(&mut self.io).poll_read(cx, &mut buffer);
            Poll::Ready(())
        })
        .await;
        self.read.extend_from_slice(buffer.filled());
        std::mem::take(&mut self.read).to_vec()
    }

    /// Reads some more; 0 at the end, whether it came in peace or not.
    async fn more(&mut self) -> usize {
        within(self.io.read_buf(&mut self.read)).await.unwrap_or(0)
    }
}

/// The gateway: what listens behind the proxy.
pub(crate) struct Gateway {
    listener: TcpListener,
}

impl Gateway {
    pub(crate) async fn bind() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// The next connection from the proxy.
    pub(crate) async fn accept(&self) -> Wire {
        let (tcp, _) = within(self.listener.accept()).await.unwrap();
        Wire::over(tcp, None).await
    }
}

/// Waits, but not for ever.
pub(crate) async fn within<T>(step: impl Future<Output = T>) -> T {
    timeout(PATIENCE, step).await.expect("it takes too long")
}

/// Answers every ping with its pong until the Close comes, and returns that.
pub(crate) async fn answer_pings(wire: &mut Wire, mask: Option<[u8; 4]>) -> Frame {
    loop {
        match wire.frame().await {
            ping if ping.first == 0x89 => wire.write(Frame::pong(&ping.payload).bytes(mask)).await,
            frame => return frame,
        }
    }
}

/// The mask of a client.
pub(crate) const CLIENT: Option<[u8; 4]> = Some(MASK);
/// The mask of a gateway: none.
pub(crate) const GATEWAY: Option<[u8; 4]> = None;

/// Bytes in a message for people.
struct Show<'a>(&'a [u8]);

impl fmt::Display for Show<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(400)];
        write!(f, "{} bytes \"{}\"", self.0.len(), shown.escape_ascii())
    }
}

const MOMENT: Duration = Duration::from_millis(500);
