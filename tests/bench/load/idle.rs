//! Memory of WebSockets that are open: silent ones, ones that came and went, and ones from which no client reads.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;

use crate::client::{Client, Connection};
use crate::{Load, process};

/// Opens the sockets, lets one message pass through each, and looks at the proxy when nothing has moved for a while.
pub(crate) async fn run(load: &Load, client: &Client) -> anyhow::Result<Value> {
    let (rest, slab, cpu) = (process::pss(&load.pids)?, process::slab()?, process::cpu(&load.pids)?);
    let sockets = open_all(load, client).await?;
    let spent = process::cpu(&load.pids)? - cpu;
    sleep(SETTLE).await;
    let (full, more_slab) = (process::pss(&load.pids)?, process::slab()?);
    let each = |after: u64, before: u64| after.saturating_sub(before) as f64 / sockets.len() as f64;
    Ok(json!({
        "count": sockets.len(), "rest_mib": mib(rest), "open_us": spent as f64 / 1000.0 / sockets.len() as f64,
        "user_kib": each(full, rest), "kernel_kib": each(more_slab, slab),
    }))
}

/// Does that over and over: what is left when all have gone must not grow.
pub(crate) async fn cycles(load: &Load, client: &Client) -> anyhow::Result<Value> {
    let rest = process::pss(&load.pids)?;
    let mut left = Vec::new();
    for _ in 0..CYCLES {
        let mut closing = JoinSet::new();
        for mut socket in open_all(load, client).await? {
            closing.spawn(async move {
                let _ = socket.close(None).await;
                // The proxy has passed on the gateway's Close, and has ended the connection.
                while let Some(Ok(_)) = socket.next().await {}
            });
        }
        closing.join_all().await;
        sleep(SETTLE).await;
        left.push(mib(process::pss(&load.pids)?));
    }
    Ok(
        json!({ "count": load.sockets, "rest_mib": mib(rest), "left_mib": left, "first_mib": left[0], "last_mib": left[CYCLES - 1] }),
    )
}

/// Opens sockets to a gateway that never stops sending, and reads nothing.
pub(crate) async fn slow(load: &Load, client: &Client) -> anyhow::Result<Value> {
    let rest = process::pss(&load.pids)?;
    let sockets: Vec<_> = opening(load, |_| client.open("/flood")).await?;
    sleep(SETTLE).await;
    let full = process::pss(&load.pids)?;
    let each = full.saturating_sub(rest) as f64 / sockets.len() as f64;
    Ok(json!({ "count": sockets.len(), "rest_mib": mib(rest), "unread_kib": each }))
}

/// Opens the sockets, and lets one message pass through each.
pub(crate) async fn open_all(load: &Load, client: &Client) -> anyhow::Result<Vec<WebSocketStream<Connection>>> {
    opening(load, |_| client.open_through()).await
}

async fn opening<T, F: Future<Output = anyhow::Result<T>>>(
    load: &Load,
    open: impl Fn(usize) -> F,
) -> anyhow::Result<Vec<T>> {
    stream::iter((0..load.sockets).map(open)).buffer_unordered(AT_ONCE).try_collect().await
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

const CYCLES: usize = 5;
/// How many connect at the same time.
const AT_ONCE: usize = 32;
/// What is freed a moment later is not memory of an idle socket.
const SETTLE: Duration = Duration::from_secs(5);
