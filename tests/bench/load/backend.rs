//! The gateway behind the proxy: 1 KiB for a request, whose body it reads, an echo at `/ws`, messages that come by themselves at the
//! paths of [`Pushed`], and at `/flood` as many large ones as are taken.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Serves until it is killed.
pub(crate) async fn run(listen: SocketAddr) -> anyhow::Result<serde_json::Value> {
    let listener = TcpListener::bind(listen).await?;
    let mut clients = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        while clients.try_join_next().is_some() {}
        // Clients end their connections whenever they like.
        clients.spawn(async move { serve(stream).await.ok() });
    }
}

async fn serve(mut stream: TcpStream) -> anyhow::Result<()> {
    let answer = answer();
    let mut came = Vec::with_capacity(2048);
    loop {
        let Some(end) = came.windows(4).position(|window| window == b"\r\n\r\n") else {
            if stream.read_buf(&mut came).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let head = String::from_utf8_lossy(&came[..end]).into_owned();
        came.drain(..end + 4);
        if field(&head, "sec-websocket-key").is_some() {
            return websocket(stream, &head, came).await;
        }
        let mut body: usize = field(&head, "content-length").map_or(Ok(0), str::parse)?;
        while body > 0 {
            if came.is_empty() && stream.read_buf(&mut came).await? == 0 {
                return Ok(());
            }
            let read = body.min(came.len());
            came.drain(..read);
            body -= read;
        }
        stream.write_all(&answer).await?;
    }
}

/// A request's answer.
fn answer() -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n\
        Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 1024\r\n\r\n";
    [head.as_bytes(), &[b'x'; 1024]].concat()
}

/// The value of a field.
fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

async fn websocket(mut stream: TcpStream, head: &str, rest: Vec<u8>) -> anyhow::Result<()> {
    let accept = derive_accept_key(field(head, "sec-websocket-key").unwrap_or_default().as_bytes());
    let own = stream.local_addr()?;
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\nX-Gateway: {own}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
    let mut socket = WebSocketStream::from_partially_read(stream, rest, Role::Server, Some(config)).await;
    let path = head.split(' ').nth(1).unwrap_or_default();
    if let Some(pushed) = PUSHED.iter().find(|pushed| pushed.path == path) {
        let (mut to, from) = socket.split();
        return tokio::try_join!(push(&mut to, pushed), discard(from)).map(|((), ())| ());
    }
    if path == "/flood" {
        let message = Bytes::from(vec![b'x'; FLOODED]);
        loop {
            socket.send(Message::Binary(message.clone())).await?;
        }
    }
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}

/// Reads to the end.
async fn discard<S: Stream<Item = Result<Message, Error>> + Unpin>(mut from: S) -> anyhow::Result<()> {
    while let Some(message) = from.next().await {
        message?;
    }
    Ok(())
}

/// Sends the current time, over and over.
async fn push<S: Sink<Message, Error = Error> + Unpin>(socket: &mut S, pushed: &Pushed) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(pushed.every);
    loop {
        ticks.tick().await;
        // Each is a write of its own.
        for _ in 0..pushed.at_once {
            let mut message = vec![b'x'; pushed.size];
            let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?;
            message[..8].copy_from_slice(&now.to_be_bytes());
            socket.send(Message::Binary(Bytes::from(message))).await?;
        }
    }
}

/// The messages that come by themselves at a path.
struct Pushed {
    path: &'static str,
    every: Duration,
    at_once: usize,
    /// Bytes of each.
    size: usize,
}

/// With 50 sockets, or 2,000 of the rare ones, 5,000 messages a second: every proxy has time to sleep between them.
const PUSHED: [Pushed; 4] = [
    Pushed { path: "/push", every: Duration::from_millis(10), at_once: 1, size: 200 },
    Pushed { path: "/push-rarely", every: Duration::from_millis(400), at_once: 1, size: 200 },
    Pushed { path: "/burst", every: Duration::from_millis(10), at_once: 20, size: 40 },
    Pushed { path: "/against", every: Duration::from_millis(10), at_once: 1, size: 10 },
];
const FLOODED: usize = 1 << 20;
const READ_BUFFER: usize = 4 << 10;
