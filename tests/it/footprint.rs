//! What the real program takes of the machine it runs on: files, time, memory.
#![expect(clippy::print_stdout, reason = "figures are for people")]

use std::time::Instant;

use crate::harness::{binary, gateway};
use crate::websocket::peer::Peer;
use crate::websocket::scene::connect;

#[tokio::test]
async fn the_open_file_limit_is_raised_to_its_hard_maximum() {
    let binary = binary().limit("-Sn 256").start().await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", binary.pid())).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let fields: Vec<_> = line.split_whitespace().collect();
    assert_eq!(fields[0], fields[1], "soft and hard: {line}");
    assert_ne!(fields[0], "256", "this machine's hard maximum is too low for the test");
}

#[tokio::test]
async fn connections_stay_below_the_open_file_limit_and_the_next_one_waits() {
    // 256 files are kept for other things, and each client may need two.
    const FILES: usize = 272;
    const PLACES: usize = (FILES - 256) / 2;
    let gateway = gateway().answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    let listen = r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#;
    let builder = binary().upstream(&gateway).config(listen).limit(&format!("-n {FILES}"));
    let mut binary = builder.start().await;
    let address = binary.plain.unwrap();
    let mut inside = Vec::new();
    for _ in 0..PLACES {
        let mut client = Peer::new(connect(address).await.unwrap());
        client.write(ASK).await;
        assert!(client.head().await.starts_with("HTTP/1.1 204 "));
        inside.push(client);
    }
    let mut outside = Peer::new(connect(address).await.unwrap());
    outside.write(ASK).await;
    let line = binary.line(|line| line["level"] == "WARN").await;
    assert_eq!(line["message"], "limits.connections is reached; new clients wait");
    // The clients inside are served as ever.
    for client in &mut inside {
        client.write(ASK).await;
        assert!(client.head().await.starts_with("HTTP/1.1 204 "));
    }
    assert_eq!(outside.at_hand().await, b"");
    drop(inside.pop());
    assert!(outside.head().await.starts_with("HTTP/1.1 204 "));
}

/// Figures for people; a debug build on a busy machine proves nothing.
#[tokio::test]
async fn start_and_memory_at_rest() {
    let began = Instant::now();
    let binary = binary().config("admin: 127.0.0.1:0").start().await;
    let mut admin = Peer::new(connect(binary.admin.unwrap()).await.unwrap());
    admin.write("GET /readyz HTTP/1.1\r\nHost: admin\r\n\r\n").await;
    assert!(admin.head().await.starts_with("HTTP/1.1 200 "));
    println!("ready after {:?}, {} KiB at rest", began.elapsed(), binary.resident_memory());
}

const ASK: &str = "GET / HTTP/1.1\r\nHost: gw.example.com\r\n\r\n";
