//! Memory of WebSockets that are open and silent.

use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt as _;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Client, Connection};
use crate::{Load, process};

/// Opens the sockets, lets one message pass through each, and looks at the proxy when nothing has moved for a while.
pub(crate) async fn run(load: &Load, client: &Client) -> anyhow::Result<Value> {
    let (rest, slab) = (process::pss(&load.pids)?, process::slab()?);
    let opening = stream::iter((0..load.sockets).map(|_| open(client))).buffer_unordered(AT_ONCE);
    let sockets: Vec<_> = opening.try_collect().await?;
    sleep(SETTLE).await;
    let (full, more_slab) = (process::pss(&load.pids)?, process::slab()?);
    let each = |after: u64, before: u64| after.saturating_sub(before) as f64 / sockets.len() as f64;
    Ok(json!({
        "count": sockets.len(), "rest_mib": rest as f64 / 1024.0,
        "user_kib": each(full, rest), "kernel_kib": each(more_slab, slab),
    }))
}

async fn open(client: &Client) -> anyhow::Result<WebSocketStream<Connection>> {
    let mut socket = client.open("/ws").await?;
    socket.send(Message::Binary(Bytes::from_static(&[b'x'; 256]))).await?;
    socket.next().await.ok_or_else(|| anyhow::anyhow!("the WebSocket was closed"))??;
    Ok(socket)
}

/// How many connect at the same time.
const AT_ONCE: usize = 32;
/// What is freed a moment later is not memory of an idle socket.
const SETTLE: Duration = Duration::from_secs(5);
