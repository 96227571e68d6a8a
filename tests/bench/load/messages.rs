//! Messages over WebSockets that stay open.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::Load;
use crate::client::{Client, Connection};
use crate::figures::Meter;

/// The messages that come from a socket, or from its half.
trait Incoming: Stream<Item = Result<Message, Error>> + Unpin {}

impl<S: Stream<Item = Result<Message, Error>> + Unpin> Incoming for S {}

/// What passes over a socket.
#[derive(Clone, Copy)]
pub(crate) struct Exchange {
    path: &'static str,
    /// Bytes of each message that the client sends, and gets back.
    size: usize,
    /// What one of them counts.
    count: u64,
}

impl Exchange {
    pub(crate) const ECHO: Self = Self { path: "/ws", size: 256, count: 1 };
    pub(crate) const PUSH: Self = Self { path: "/push", size: 0, count: 1 };
    /// A megabyte there and one back.
    pub(crate) const BULK: Self = Self { path: "/ws", size: 1 << 20, count: 2 };
    /// A megabyte there, as fast as it is taken, and small ones that come by themselves.
    pub(crate) const AGAINST: Self = Self { path: "/against", size: 1 << 20, count: 1 };
}

pub(crate) async fn run(load: &Load, client: &Client, exchange: Exchange) -> anyhow::Result<Value> {
    let meter = Meter::default();
    let mut clients = JoinSet::new();
    for _ in 0..load.sockets {
        let socket = client.open(exchange.path).await?;
        let meter = meter.clone();
        clients.spawn(async move {
            match exchange.path {
                "/against" => flood(socket, exchange, &meter).await,
                "/push" => listen(socket, exchange, &meter).await,
                _ => echo(socket, exchange, &meter).await,
            }
        });
    }
    meter.measure(load, clients).await
}

async fn echo(mut socket: WebSocketStream<Connection>, exchange: Exchange, meter: &Meter) -> anyhow::Result<()> {
    let sent = Bytes::from(vec![b'x'; exchange.size]);
    loop {
        let began = Instant::now();
        socket.send(Message::Binary(sent.clone())).await?;
        let came = message(&mut socket).await?;
        anyhow::ensure!(came == sent, "another message came back");
        meter.add(exchange.count, began.elapsed());
    }
}

/// Notes for how long each message was on its way.
async fn listen<S: Incoming>(mut socket: S, exchange: Exchange, meter: &Meter) -> anyhow::Result<()> {
    loop {
        let came = message(&mut socket).await?;
        let sent = came.first_chunk().map_or(0, |sent| u64::from_be_bytes(*sent));
        meter.took(SystemTime::now().duration_since(UNIX_EPOCH + Duration::from_nanos(sent)).unwrap_or_default());
        if exchange.size == 0 {
            meter.did(exchange.count);
        }
    }
}

/// Sends without an end, and listens.
async fn flood(socket: WebSocketStream<Connection>, exchange: Exchange, meter: &Meter) -> anyhow::Result<()> {
    let (to, from) = socket.split();
    tokio::try_join!(send(to, exchange, meter), listen(from, exchange, meter)).map(|((), ())| ())
}

async fn send<S>(mut to: S, exchange: Exchange, meter: &Meter) -> anyhow::Result<()>
where
    S: Sink<Message, Error = Error> + Unpin,
{
    let message = Bytes::from(vec![b'x'; exchange.size]);
    loop {
        to.send(Message::Binary(message.clone())).await?;
        meter.did(exchange.count);
    }
}

async fn message<S: Incoming>(socket: &mut S) -> anyhow::Result<Bytes> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Binary(data))) => return Ok(data),
            // The proxy sent a ping.
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
            None => anyhow::bail!("the WebSocket was closed"),
        }
    }
}
