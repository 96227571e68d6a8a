//! New connections, each with TLS, a WebSocket and one message.

use std::time::Instant;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::Load;
use crate::client::{Client, Resumption};
use crate::figures::Meter;

pub(crate) async fn run(load: &Load, resumption: Resumption) -> anyhow::Result<Value> {
    let meter = Meter::default();
    let mut clients = JoinSet::new();
    let mut key_exchange = None;
    for _ in 0..load.sockets {
        // Each client has tickets of its own; its first connection brings them.
        let client = Client::new(load, resumption)?;
        key_exchange = once(&client, None).await?;
        let meter = meter.clone();
        clients.spawn(async move {
            loop {
                let began = Instant::now();
                once(&client, Some(resumption == Resumption::On)).await?;
                meter.add(1, began.elapsed());
            }
        });
    }
    let mut figures = meter.measure(load, clients).await?;
    figures["key_exchange"] = json!(key_exchange);
    Ok(figures)
}

/// One connection, first byte to last: what its keys were agreed on with.
async fn once(client: &Client, resumed: Option<bool>) -> anyhow::Result<Option<String>> {
    let mut socket = client.open_through().await?;
    let (is_resumed, key_exchange) = (socket.get_ref().is_resumed(), socket.get_ref().key_exchange());
    let wrong = resumed.is_some() && is_resumed.is_some() && is_resumed != resumed;
    anyhow::ensure!(!wrong, "the session was {}resumed", if is_resumed == Some(true) { "" } else { "not " });
    socket.close(None).await?;
    // The other side's Close, and the end.
    while socket.next().await.is_some_and(|message| message.is_ok()) {}
    Ok(key_exchange)
}
