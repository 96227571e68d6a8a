//! Clients that lose their WebSockets all together, and come back all together.

use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;

use crate::client::{Client, Connection, Resumption};
use crate::{Load, process};

pub(crate) async fn run(load: &Load) -> anyhow::Result<Value> {
    // Each has tickets of its own, as each browser has.
    let clients = (0..load.sockets).map(|_| Client::new(load, Resumption::On)).collect::<Result<Vec<_>, _>>()?;
    drop(all(&clients, FIRST_AT_ONCE).await?);
    sleep(SETTLE).await;
    let (began, cpu) = (Instant::now(), process::cpu(&load.pids)?);
    let back = all(&clients, clients.len()).await?;
    let took = began.elapsed();
    let spent = process::cpu(&load.pids)? - cpu;
    let resumed = back.iter().filter(|socket| socket.get_ref().is_resumed() == Some(true)).count();
    Ok(json!({
        "count": back.len(), "resumed": resumed, "back_ms": took.as_secs_f64() * 1e3,
        "back_us": spent as f64 / 1e3 / back.len() as f64,
    }))
}

async fn all(clients: &[Client], at_once: usize) -> anyhow::Result<Vec<WebSocketStream<Connection>>> {
    stream::iter(clients.iter().map(Client::open_through)).buffer_unordered(at_once).try_collect().await
}

const FIRST_AT_ONCE: usize = 32;
/// Until the proxy has noticed that all have gone.
const SETTLE: Duration = Duration::from_secs(3);
