//! Clients that leave while their request is under way, with bytes behind it that frontgate does not read.

#![expect(clippy::unwrap_used, reason = "what these helpers cannot do ends the test")]

use std::net::SocketAddr;

use socket2::SockRef;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::GET;
use crate::harness::{Binary, Connection, READY, Reserved, Wire, binary, dial, gateway, handshake, within};
use crate::websocket::peer::UPGRADE;

/// How a client leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    Closing,
    Resetting,
}

#[derive(Debug, Clone, Copy)]
enum Over {
    Tls,
    Plain,
}

fn address(proxy: &Binary, over: Over) -> SocketAddr {
    match over {
        Over::Tls => proxy.https,
        Over::Plain => proxy.plain,
    }
    .expect("a listener")
}

/// A client that has sent `bytes`, and the socket underneath.
async fn client(proxy: &Binary, over: Over, bytes: &[u8], leaves: Leaves) -> Wire {
    let mut socket: TcpStream = dial(address(proxy, over)).await;
    if leaves == Leaves::Resetting {
        SockRef::from(&socket).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }
    match over {
        Over::Plain => {
            socket.write_all(bytes).await.unwrap();
            Wire::new(socket)
        }
        Over::Tls => {
            let mut stream = handshake(socket, proxy.trust().offering(&["http/1.1"]), "localhost").await.unwrap();
            stream.write_all(bytes).await.unwrap();
            stream.flush().await.unwrap();
            Wire::new(stream)
        }
    }
}

/// What is behind a request, and is not read while that waits.
fn rows() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a request alone", GET.into()),
        ("a byte behind it", format!("{GET}G").into()),
        ("a request behind it", GET.repeat(2).into()),
        ("many requests behind it", GET.repeat(2000).into()),
        ("an upgrade", UPGRADE.into()),
        ("a frame behind an upgrade", [UPGRADE.as_bytes(), b"\x82\x81\0\0\0\0x"].concat()),
    ]
}

async fn all_are_noticed(
    proxy: &mut Binary,
    rows: Vec<(&'static str, Vec<u8>)>,
    mut reached: impl AsyncFnMut(&mut Wire, usize),
) {
    let (mut clients, mut gone) = (Vec::new(), Vec::new());
    for (name, bytes) in rows {
        for over in [Over::Tls, Over::Plain] {
            for leaves in [Leaves::Closing, Leaves::Resetting] {
                let at = bytes.iter().position(|byte| *byte == b'/').unwrap() + 1;
                let named = [&bytes[..at], gone.len().to_string().as_bytes(), &bytes[at..]].concat();
                let mut one = client(proxy, over, &named, leaves).await;
                gone.push(format!("{name} {over:?} {leaves:?}"));
                // A reset takes along what was not read yet: each leaves only when its request has got so far.
                reached(&mut one, gone.len()).await;
                clients.push(one);
            }
        }
    }
    drop(clients);
    for _ in 0..gone.len() {
        let line = proxy.access().await;
        let number: usize = line["target"].as_str().unwrap()[1..].parse().unwrap();
        assert_eq!(line["ended"], "client_gone", "{}: {line}", gone[number]);
    }
}

const LISTEN: &str = r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#;

/// The head of the next request, besides those that ask whether the gateway is ready.
async fn arrives(connection: &mut Connection) {
    while connection.head().await.starts_with("GET /startupz ") {
        connection.send(READY).await;
    }
}

#[tokio::test]
async fn they_are_noticed_while_the_gateway_says_nothing() {
    let (sender, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    let gateway = gateway().playing(move |mut connection: Connection| {
        let sender = sender.clone();
        async move {
            arrives(&mut connection).await;
            let _ = sender.send(());
            std::future::pending::<()>().await;
        }
    });
    let gateway = gateway.await;
    let mut proxy = binary().upstream(&gateway).config(LISTEN).start().await;
    all_are_noticed(&mut proxy, rows(), async |_, _| within("the request", arrived.recv()).await.unwrap()).await;
}

#[tokio::test]
async fn they_are_noticed_while_an_answer_stands_still() {
    let gateway = gateway().playing(|mut connection: Connection| async move {
        arrives(&mut connection).await;
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nstart").await;
        std::future::pending::<()>().await;
    });
    let gateway = gateway.await;
    let mut proxy = binary().upstream(&gateway).config(LISTEN).start().await;
    all_are_noticed(&mut proxy, rows(), async |client, _| drop(client.until(b"start").await)).await;
}

#[tokio::test]
async fn they_are_noticed_while_the_gateway_is_waited_for() {
    let gateway = Reserved::new();
    let upstream = format!("upstream: \"{}\"", gateway.upstream());
    let lines = [&*upstream, "hold: 1h", "admin: 127.0.0.1:0", LISTEN];
    let mut proxy = lines.into_iter().fold(binary(), crate::harness::Builder::config).start().await;
    let admin = proxy.admin.expect("an admin listener");
    // A body is not read before there is a gateway for it.
    let post = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n";
    let mut rows = rows();
    rows.push(("a part of its body", [post.as_bytes(), "x".repeat(20_000).as_bytes()].concat()));
    all_are_noticed(&mut proxy, rows, async |_, count| within("the requests", held(admin, count)).await).await;
}

/// Resolves when `count` requests wait for the gateway.
async fn held(admin: SocketAddr, count: usize) {
    let expected = format!("frontgate_hold_waiting {count}");
    loop {
        let mut client = Wire::new(dial(admin).await);
        client.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
        if client.response().await.body_text().lines().any(|line| line == expected) {
            return;
        }
        tokio::task::yield_now().await;
    }
}
