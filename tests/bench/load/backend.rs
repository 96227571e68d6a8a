//! The gateway behind the proxy: 1 KiB for a request, an echo at `/ws`, at `/push` messages that come by themselves, at
//! `/flood` as many large ones as are taken, and at `/against` small ones that come while all that is sent is read.

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
        if ["GET /ws", "GET /push", "GET /flood", "GET /against"].iter().any(|line| head.starts_with(line)) {
            return websocket(stream, &head, came).await;
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

async fn websocket(mut stream: TcpStream, head: &str, rest: Vec<u8>) -> anyhow::Result<()> {
    let field = |name: &str| {
        head.lines().filter_map(|line| line.split_once(':')).find(|(found, _)| found.eq_ignore_ascii_case(name))
    };
    let key = field("sec-websocket-key").map_or("", |(_, key)| key.trim());
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
    let mut socket = WebSocketStream::from_partially_read(stream, rest, Role::Server, Some(config)).await;
    if head.starts_with("GET /push") {
        return push(&mut socket, PUSHED).await;
    }
    if head.starts_with("GET /against") {
        let (mut to, from) = socket.split();
        return tokio::try_join!(push(&mut to, SMALL), discard(from)).map(|((), ())| ());
    }
    if head.starts_with("GET /flood") {
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

/// Sends the current time in so many bytes, over and over.
async fn push<S: Sink<Message, Error = Error> + Unpin>(socket: &mut S, size: usize) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(PUSH_EVERY);
    loop {
        ticks.tick().await;
        let mut message = vec![b'x'; size];
        let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?;
        message[..8].copy_from_slice(&now.to_be_bytes());
        socket.send(Message::Binary(Bytes::from(message))).await?;
    }
}

const FLOODED: usize = 1 << 20;
const PUSHED: usize = 200;
const SMALL: usize = 10;
/// With 50 sockets 5,000 messages a second: every proxy has time to sleep between them.
const PUSH_EVERY: Duration = Duration::from_millis(10);
const READ_BUFFER: usize = 4 << 10;
