//! [`Peer`]: either end of a WebSocket, as bytes: what a client or a gateway writes and reads, with nothing in between.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use socket2::{SockRef, Socket};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::frame::{Frame, MASK};
use super::over_http2::OverHttp2;
use crate::harness::within;

/// A handshake like a browser's, as short as it can be, with the key of RFC 6455 §1.3.
pub(crate) const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: gw.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAccept: application/json\r\n\r\n";

/// The gateway's answer to [`UPGRADE`].
pub(crate) const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// The gateway's answer to a handshake with any key.
pub(crate) fn switched(head: &str) -> String {
    let key = head
        .lines()
        .find_map(|line| line.strip_prefix("sec-websocket-key: ").or(line.strip_prefix("Sec-WebSocket-Key: ")));
    let (before, after) = SWITCHED.split_once(ACCEPT).unwrap();
    format!("{before}{}{after}", derive_accept_key(key.expect("a key").as_bytes()))
}

const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// One end of a connection.
pub(crate) struct Peer {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
    /// The same socket, for what only a socket can do.
    socket: Socket,
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

/// What a peer's bytes run over.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    /// The TCP socket under it.
    fn socket(&self) -> Socket;
}

impl Stream for TcpStream {
    fn socket(&self) -> Socket {
        SockRef::from(self).try_clone().unwrap()
    }
}

impl Stream for TlsStream<TcpStream> {
    fn socket(&self) -> Socket {
        self.get_ref().0.socket()
    }
}

impl Stream for OverHttp2 {
    fn socket(&self) -> Socket {
        Self::socket(self)
    }
}

impl Peer {
    pub(crate) fn new(stream: impl Stream + 'static) -> Self {
        let socket = stream.socket();
        socket.set_tcp_nodelay(true).unwrap();
        let (reader, writer) = split::<Box<dyn Stream>>(Box::new(stream));
        Self { reader: Reader { io: reader, read: BytesMut::new() }, writer: Writer { io: writer }, socket }
    }

    /// The bare stream, for a reader that has read nothing of it yet.
    pub(crate) fn into_stream(self) -> Box<dyn Stream> {
        self.reader.io.unsplit(self.writer.io)
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.writer.write(bytes.as_ref()).await;
    }

    /// Writes to a connection that may have ended.
    pub(crate) async fn try_write(&mut self, bytes: &str) -> std::io::Result<()> {
        within("bytes to be taken", self.writer.io.write_all(bytes.as_bytes())).await
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

    /// Receives a Close of the proxy's own, which is masked as a client's must be.
    pub(crate) async fn told(&mut self, code: u16, reason: &str) {
        let said = self.frame().await;
        assert!(said.mask.is_some(), "RFC 6455 §5.1: a client masks");
        assert_eq!(said, Frame { mask: said.mask, ..Frame::close(code, reason) });
    }

    /// An answer with its body, without the id that every answer gets.
    pub(crate) async fn answer(&mut self) -> String {
        let head = self.head().await;
        let lower = head.to_ascii_lowercase();
        let mut body = Vec::new();
        if lower.contains("\r\ntransfer-encoding: chunked\r\n") {
            while !body.ends_with(b"0\r\n\r\n") {
                body.extend(self.reader.take(1).await);
            }
        } else if let Some((_, length)) = lower.split_once("\r\ncontent-length: ") {
            let length = length.lines().next().unwrap().parse().unwrap();
            body = self.reader.take(length).await;
        }
        without_request_id(&head) + &String::from_utf8(body).unwrap()
    }

    /// Answers a handshake, after which the peer is a WebSocket.
    pub(crate) async fn grant(&mut self) {
        let switched = switched(&self.head().await);
        self.write(switched).await;
    }

    /// Gives our side of the connection up, and reads on.
    pub(crate) async fn finish(&mut self) {
        within("the end to be sent", self.writer.io.shutdown()).await.unwrap();
    }

    /// Ends as a process does that was killed: the kernel says FIN, TLS says nothing.
    pub(crate) fn vanish(self) {
        self.socket.shutdown(std::net::Shutdown::Both).unwrap();
    }

    /// Lets the kernel keep little of what is not read: left to itself it may take 32 MiB.
    pub(crate) fn receive_little(&self) {
        self.socket.set_recv_buffer_size(64 * 1024).unwrap();
    }

    /// Ends with a RST.
    pub(crate) fn reset(self) {
        self.socket.set_linger(Some(Duration::ZERO)).unwrap();
    }
}

impl Writer {
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        within("bytes to be taken", async {
            self.io.write_all(bytes).await?;
            self.io.flush().await
        })
        .await
        .unwrap();
    }

    /// Writes as much of `bytes` as the other side takes without reading on, and returns how much that is.
    ///
    /// "Without reading on" is a guess after a moment without progress; a moment too short makes it write less, no
    /// more.
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
        let mut left = bytes;
        while !left.is_empty() {
            if self.read.is_empty() {
                assert!(self.more().await > 0, "the connection ended instead of {}", Show(left));
            }
            let count = left.len().min(self.read.len());
            assert!(self.read[..count] == left[..count], "got {} instead of {}", Show(&self.read), Show(left));
            left = &left[count..];
            self.read.advance(count);
        }
    }

    /// The next `length` bytes.
    pub(crate) async fn take(&mut self, length: usize) -> Vec<u8> {
        while self.read.len() < length {
            assert!(self.more().await > 0, "the connection ended after {}", Show(&self.read));
        }
        self.read.split_to(length).to_vec()
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

    /// Reads some more; 0 at the end, whether the connection ended with a FIN or not.
    async fn more(&mut self) -> usize {
        within("bytes", self.io.read_buf(&mut self.read)).await.unwrap_or(0)
    }
}

/// A head without the field that every answer gets.
pub(crate) fn without_request_id(head: &str) -> String {
    let lines = head.split_inclusive("\r\n");
    let (ids, others): (Vec<_>, Vec<_>) =
        lines.partition(|line| line.to_ascii_lowercase().starts_with("x-request-id: "));
    assert_eq!(ids.len(), 1, "{head}");
    others.concat()
}

/// Answers every ping with its pong until the Close comes, and returns that.
pub(crate) async fn answer_pings(peer: &mut Peer, mask: Option<[u8; 4]>) -> Frame {
    loop {
        match peer.frame().await {
            ping if ping.first == 0x89 => peer.write(Frame::pong(&ping.payload).bytes(mask)).await,
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
