//! Messages over WebSockets that stay open.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::Load;
use crate::client::{Client, Connection, Resumption};
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
    /// How often a client sends one; `None` is as soon as the last one has come back.
    every: Option<Duration>,
}

impl Exchange {
    pub(crate) const ECHO: Self = Self { path: "/ws", size: 256, count: 1, every: None };
    pub(crate) const SPARSE: Self = Self { every: Some(Duration::from_millis(10)), ..Self::ECHO };
    pub(crate) const RARE: Self = Self { every: Some(Duration::from_secs(1)), ..Self::ECHO };
    pub(crate) const PUSH: Self = Self { path: "/push", size: 0, count: 1, every: None };
    pub(crate) const PUSH_RARELY: Self = Self { path: "/push-rarely", ..Self::PUSH };
    pub(crate) const BURST: Self = Self { path: "/burst", ..Self::PUSH };
    /// A megabyte there and one back.
    pub(crate) const BULK: Self = Self { path: "/ws", size: 1 << 20, count: 2, every: None };
    /// A megabyte there, as fast as it is taken, and small ones that come by themselves.
    pub(crate) const AGAINST: Self = Self { path: "/against", size: 1 << 20, count: 1, every: None };
}

/// Each WebSocket on a connection of its own.
pub(crate) async fn over_http1(load: &Load, exchange: Exchange) -> anyhow::Result<Value> {
    run(load, &Client::new(load, Resumption::Off)?, exchange).await
}

pub(crate) async fn run(load: &Load, client: &Client, exchange: Exchange) -> anyhow::Result<Value> {
    let meter = Meter::default();
    let mut clients = JoinSet::new();
    open(load, client, exchange, &meter, &mut clients).await?;
    meter.measure(load, clients).await
}

/// Opens the sockets, on which the messages then pass.
pub(crate) async fn open(
    load: &Load,
    client: &Client,
    exchange: Exchange,
    meter: &Meter,
    clients: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<()> {
    for number in 0..load.sockets {
        let socket = client.open(exchange.path).await?;
        let meter = meter.clone();
        // Spread, so that they do not all send at the same time.
        let part = number as f64 / load.sockets as f64;
        clients.spawn(async move {
            match (exchange.path, exchange.every) {
                ("/against", _) => flood(socket, exchange, &meter).await,
                ("/ws", None) => echo(socket, exchange, &meter).await,
                ("/ws", Some(every)) => {
                    sleep(every.mul_f64(part)).await;
                    echo(socket, exchange, &meter).await
                }
                _ => listen(socket, exchange, &meter).await,
            }
        });
    }
    Ok(())
}

async fn echo(mut socket: WebSocketStream<Connection>, exchange: Exchange, meter: &Meter) -> anyhow::Result<()> {
    let sent = Bytes::from(vec![b'x'; exchange.size]);
    let mut ticks = exchange.every.map(interval);
    loop {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
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
