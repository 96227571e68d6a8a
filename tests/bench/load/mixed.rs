//! Small messages while everything else goes on beside them: large messages, uploads, new connections, and a reload.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

use crate::client::{Client, Connection, NAME};
use crate::figures::Meter;
use crate::messages::{self, Exchange};
use crate::{Load, process};

pub(crate) async fn run(load: &Load, client: &Client) -> anyhow::Result<Value> {
    let (meter, beside) = (Meter::default(), Meter::default());
    let mut clients = JoinSet::new();
    messages::open(load, client, Exchange::SPARSE, &meter, &mut clients).await?;
    messages::open(&load.of(LARGE), client, Exchange::BULK, &beside, &mut clients).await?;
    for _ in 0..UPLOADS {
        clients.spawn(upload(client.clone()));
    }
    clients.spawn(handshakes(client.clone()));
    if load.reload {
        let (pid, at) = (load.pids[0], load.warmup() + load.seconds() / 2);
        clients.spawn(async move {
            sleep(at).await;
            process::hang_up(pid)?;
            std::future::pending().await
        });
    }
    meter.measure(load, clients).await
}

/// Megabytes in the bodies of requests, one after the other. A proxy that reloads may end a connection between two requests.
async fn upload(client: Client) -> anyhow::Result<()> {
    let body = vec![b'x'; 1 << 20];
    let head = format!("POST /upload HTTP/1.1\r\nhost: {NAME}\r\ncontent-length: {}\r\n\r\n", body.len());
    loop {
        let mut connection = client.connect().await?;
        upload_once(&mut connection, head.as_bytes(), &body).await?;
        while upload_once(&mut connection, head.as_bytes(), &body).await.is_ok() {}
    }
}

async fn upload_once(connection: &mut Connection, head: &[u8], body: &[u8]) -> anyhow::Result<()> {
    connection.write_all(head).await?;
    connection.write_all(body).await?;
    connection.flush().await?;
    let mut came = Vec::new();
    while !came.ends_with(&[b'x'; 1024]) {
        anyhow::ensure!(connection.read_buf(&mut came).await? > 0, "the connection was closed");
    }
    anyhow::ensure!(came.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&came[..came.len().min(200)]));
    Ok(())
}

/// A hundred connections a second, each with a full TLS handshake.
async fn handshakes(client: Client) -> anyhow::Result<()> {
    let mut ticks = interval(Duration::from_millis(10));
    let mut connecting = JoinSet::new();
    loop {
        ticks.tick().await;
        let client = client.clone();
        connecting.spawn(async move { client.connect().await.map(drop) });
        while let Some(connected) = connecting.try_join_next() {
            connected??;
        }
    }
}

/// WebSockets with messages of a megabyte.
const LARGE: usize = 2;
const UPLOADS: usize = 2;
