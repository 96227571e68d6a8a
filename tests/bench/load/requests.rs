//! HTTPS requests on connections that stay.

use std::time::Instant;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::Load;
use crate::client::{Client, Connection, NAME};
use crate::figures::Meter;

/// One request at a time on each connection.
pub(crate) async fn h1(load: &Load, client: &Client) -> anyhow::Result<Value> {
    let meter = Meter::default();
    let mut clients = JoinSet::new();
    for _ in 0..load.sockets {
        let (connection, meter) = (client.connect().await?, meter.clone());
        clients.spawn(async move { ask(connection, &meter).await });
    }
    meter.measure(load, clients).await
}

async fn ask(mut connection: Connection, meter: &Meter) -> anyhow::Result<()> {
    let fields: Vec<_> = FIELDS.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!("GET {TARGET} HTTP/1.1\r\nhost: {NAME}\r\n{}\r\n", fields.concat());
    let mut came = Vec::with_capacity(4096);
    loop {
        let began = Instant::now();
        connection.write_all(request.as_bytes()).await?;
        connection.flush().await?;
        came.clear();
        while answer_length(&came)?.is_none_or(|length| came.len() < length) {
            anyhow::ensure!(connection.read_buf(&mut came).await? > 0, "the connection was closed");
        }
        meter.add(1, began.elapsed());
    }
}

/// How long the answer is, head and body, once its head is there.
fn answer_length(came: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = came.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&came[..end])?;
    anyhow::ensure!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let length = fields.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let (_, length) = length.context("an answer without a length")?;
    Ok(Some(end + 4 + length.trim().parse::<usize>()?))
}

/// [`STREAMS`] requests at a time on each connection.
pub(crate) async fn h2(load: &Load, client: &Client) -> anyhow::Result<Value> {
    let meter = Meter::default();
    let mut clients = JoinSet::new();
    for _ in 0..load.sockets {
        let connection = TokioIo::new(client.connect().await?);
        let (sender, driver) = hyper::client::conn::http2::handshake(TokioExecutor::new(), connection).await?;
        clients.spawn(async move { driver.await.context("the connection was closed") });
        for _ in 0..STREAMS {
            let (mut sender, meter) = (sender.clone(), meter.clone());
            clients.spawn(async move {
                loop {
                    let mut request = http::Request::get(format!("https://{NAME}{TARGET}"));
                    for (name, value) in FIELDS {
                        request = request.header(*name, *value);
                    }
                    let began = Instant::now();
                    let answer = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
                    anyhow::ensure!(answer.status() == 200, "{answer:?}");
                    anyhow::ensure!(answer.into_body().collect().await?.to_bytes().len() == 1024, "not 1 KiB");
                    meter.add(1, began.elapsed());
                }
            });
        }
    }
    meter.measure(load, clients).await
}

const STREAMS: usize = 10;
const TARGET: &str = "/assets/app.js?v=2026.7.35&lang=en";
/// What a browser sends besides the host.
const FIELDS: &[(&str, &str)] = &[
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    ),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("cookie", "session=5f2c0e7a9b3d4e61; theme=dark"),
    ("referer", "https://gw.example.com/"),
    ("sec-fetch-dest", "script"),
    ("sec-fetch-mode", "no-cors"),
    ("sec-fetch-site", "same-origin"),
];
