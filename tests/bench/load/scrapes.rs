//! Scrapes of the metrics while so many WebSockets are open, and how long messages take meanwhile.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;

use crate::Load;
use crate::client::Client;
use crate::idle::open_all;

/// Scrapes for as long as is measured, with a pause between two, and sends messages there and back beside that.
pub(crate) async fn run(load: &Load, client: &Client) -> anyhow::Result<Value> {
    let admin = load.admin.context("--admin says where to scrape")?;
    let mut sockets = open_all(load, client).await?;
    let mut echoing = sockets.pop().context("no socket is open")?;
    let count = sockets.len() + 1;
    let mut silent = JoinSet::new();
    for mut socket in sockets {
        // Pings are answered, and take no room.
        silent.spawn(async move { while socket.next().await.is_some_and(|message| message.is_ok()) {} });
    }
    sleep(load.warmup()).await;
    let until = Instant::now() + load.seconds();
    let scraping = async {
        let (mut times, mut length) = (Vec::new(), 0);
        while Instant::now() < until {
            let began = Instant::now();
            length = scrape(admin).await?;
            times.push(millis(began.elapsed()));
            sleep(PAUSE).await;
        }
        anyhow::Ok((times, length))
    };
    let sending = async {
        let mut times = Vec::new();
        while Instant::now() < until {
            let began = Instant::now();
            echoing.send(Message::Binary(Bytes::from_static(&[b'x'; 256]))).await?;
            echoing.next().await.context("the WebSocket was closed")??;
            times.push(millis(began.elapsed()));
            sleep(PAUSE / 10).await;
        }
        anyhow::Ok(times)
    };
    let ((mut scrapes, length), mut echoes) = tokio::try_join!(scraping, sending)?;
    anyhow::ensure!(silent.try_join_next().is_none(), "a WebSocket ended");
    scrapes.sort_by(f64::total_cmp);
    echoes.sort_by(f64::total_cmp);
    let at = |times: &[f64], part: usize| times.get(times.len() * part / 100).or(times.last()).copied();
    Ok(json!({
        "count": count, "scrapes": scrapes.len(), "kib": length / 1024, "scrape_ms": at(&scrapes, 50), "worst_ms": at(&scrapes, 100),
        "echo_ms": at(&echoes, 50), "worst_echo_ms": at(&echoes, 100),
    }))
}

/// Asks for `/metrics`; how many bytes came.
async fn scrape(admin: SocketAddr) -> anyhow::Result<usize> {
    let mut stream = TcpStream::connect(admin).await?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    anyhow::ensure!(
        answer.ends_with(b"# EOF\n"),
        "that is no scrape: {}",
        String::from_utf8_lossy(&answer[..answer.len().min(200)])
    );
    Ok(answer.len())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

const PAUSE: Duration = Duration::from_millis(200);
