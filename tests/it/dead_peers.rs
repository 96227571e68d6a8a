//! Ten thousand clients that end their connections abruptly, wherever they are.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "figures are for people")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::harness::{Binary, Connection, binary, dial, gateway, within};
use crate::websocket::frame::Frame;
use crate::websocket::peer::{SWITCHED, UPGRADE};

const LISTEN: &str = r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#;

/// How many connections end abruptly.
const MANY: usize = 10_000;

/// Where a connection is when its client goes.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// The client is connected and has said nothing.
    Connected,
    /// In the middle of a `ClientHello`.
    Hello,
    /// The server's part of the TLS handshake is there, the client's is not.
    Handshake,
    /// In the middle of a request's head.
    Head,
    /// In the middle of a request's body.
    Body,
    /// In the middle of a WebSocket's frame.
    Frame,
    /// In the middle of a WebSocket's frame, over TLS.
    TlsFrame,
}

const STAGES: [Stage; 7] =
    [Stage::Connected, Stage::Hello, Stage::Handshake, Stage::Head, Stage::Body, Stage::Frame, Stage::TlsFrame];

/// What the program takes of the machine.
#[derive(Debug, Clone, Copy)]
struct Held {
    sockets: usize,
    threads: usize,
    resident: u64,
}

fn held(proxy: &Binary) -> Held {
    let inside = |what: &str| std::fs::read_dir(format!("/proc/{}/{what}", proxy.pid())).unwrap();
    // Only sockets: what watches the config's file is opened beside the start, sooner or later.
    let is_socket = |link: &PathBuf| link.to_string_lossy().starts_with("socket:");
    let sockets =
        inside("fd").filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()).filter(is_socket).count();
    Held { sockets, threads: inside("task").count(), resident: proxy.resident_memory() }
}

#[tokio::test]
async fn ten_thousand_abrupt_ends_leave_nothing_behind() {
    let gateway = gateway().playing(grants).await;
    let settings = "limits: { connections_per_client: off }";
    let proxy = Arc::new(binary().upstream(&gateway).config(LISTEN).config(settings).start().await);
    let at_rest = held(&proxy);
    // These first connections make what the program makes once and keeps: buffers, the allocator's arenas, threads.
    end_abruptly(&proxy, MANY / 5).await;
    let before = settled(&proxy, at_rest.sockets).await;
    let began = Instant::now();
    end_abruptly(&proxy, MANY).await;
    let took = began.elapsed();
    let after = settled(&proxy, at_rest.sockets).await;
    println!("{MANY} abrupt ends in {took:?}: at rest {at_rest:?}, before {before:?}, after {after:?}");
    // Threads for what blocks come and go by a few.
    assert!(after.threads <= before.threads + 4);
    let grown = after.resident.saturating_sub(before.resident);
    // Growth of less than half a KiB for each; the allocator goes up and down by as much.
    assert!(grown < 4096, "{grown} KiB more than before");
    // The program still serves.
    let mut client = proxy.plain_client().await;
    client.send(UPGRADE).await;
    assert!(client.head().await.starts_with("HTTP/1.1 101 "));
}

/// Grants WebSockets, and reads whatever comes until it ends.
async fn grants(mut connection: Connection) {
    if connection.head().await.contains("\r\nupgrade: websocket\r\n") {
        let _ = connection.try_send(SWITCHED).await;
    }
    connection.rest().await;
}

async fn end_abruptly(proxy: &Arc<Binary>, count: usize) {
    let places = Arc::new(Semaphore::new(32));
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let proxy = Arc::clone(proxy);
        tasks.spawn(async move {
            abrupt(&proxy, STAGES[number % STAGES.len()], number % 2 == 0).await;
            drop(place);
        });
        while tasks.try_join_next().is_some_and(|ended| ended.map(|()| true).unwrap()) {}
    }
    tasks.join_all().await;
}

/// One connection that comes as far as `stage` and ends there, with a RST or a bare FIN.
async fn abrupt(proxy: &Binary, stage: Stage, reset: bool) {
    let (https, plain) = (proxy.https.unwrap(), proxy.plain.unwrap());
    let partial = &Frame::text("never to be finished").masked()[..9];
    let mut stream = match stage {
        Stage::Connected | Stage::Hello | Stage::Handshake | Stage::TlsFrame => dial(https).await,
        Stage::Head | Stage::Body | Stage::Frame => dial(plain).await,
    };
    match stage {
        Stage::Connected => {}
        Stage::Hello | Stage::Handshake => {
            let mut hello = Vec::new();
            let name = ServerName::try_from("localhost").unwrap();
            let mut session = ClientConnection::new(proxy.trust().offering(&["http/1.1"]), name).unwrap();
            session.write_tls(&mut hello).unwrap();
            if matches!(stage, Stage::Hello) {
                stream.write_all(&hello[..100]).await.unwrap();
            } else {
                stream.write_all(&hello).await.unwrap();
                within("a ServerHello", stream.read_u8()).await.unwrap();
            }
        }
        Stage::Head => stream.write_all(&UPGRADE.as_bytes()[..60]).await.unwrap(),
        Stage::Body => {
            stream.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhello").await.unwrap();
        }
        Stage::Frame => {
            stream.write_all(UPGRADE.as_bytes()).await.unwrap();
            within("a 101", stream.read_u8()).await.unwrap();
            stream.write_all(partial).await.unwrap();
        }
        Stage::TlsFrame => {
            let config = proxy.trust().offering(&["http/1.1"]);
            let mut tls = crate::harness::handshake(stream, config, "localhost").await.unwrap();
            tls.write_all(UPGRADE.as_bytes()).await.unwrap();
            tls.flush().await.unwrap();
            within("a 101", tls.read_u8()).await.unwrap();
            tls.write_all(partial).await.unwrap();
            tls.flush().await.unwrap();
            stream = tls.into_inner().0;
        }
    }
    if reset {
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// What the program has once its sockets are back to `sockets`.
async fn settled(proxy: &Binary, sockets: usize) -> Held {
    within("the sockets to be closed", async {
        loop {
            let held = held(proxy);
            if held.sockets <= sockets {
                return held;
            }
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await
}
