//! What pings to silent WebSockets cost.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::Client;
use crate::idle::open_all;
use crate::{Load, process};

pub(crate) async fn run(load: &Load, client: &Client) -> anyhow::Result<Value> {
    let mut clients = JoinSet::new();
    for mut socket in open_all(load, client).await? {
        // To read is to answer pings.
        clients.spawn(async move { while socket.next().await.is_some_and(|message| message.is_ok()) {} });
    }
    sleep(THREADS_GONE).await;
    let cpu = process::cpu(&load.pids)?;
    sleep(load.seconds()).await;
    let spent = (process::cpu(&load.pids)? - cpu) as f64 / 1e3;
    anyhow::ensure!(clients.try_join_next().is_none(), "a client ended early");
    let minutes = load.seconds().as_secs_f64() / 60.0;
    Ok(json!({ "count": clients.len(), "pings_us": spent / clients.len() as f64 / minutes }))
}

/// A proxy's threads that have had something to do take their CPU time along when they end, which those of tokio do after ten seconds.
const THREADS_GONE: Duration = Duration::from_secs(12);
