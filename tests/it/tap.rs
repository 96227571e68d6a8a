//! An operator follows the frames of one WebSocket, over the admin listener and with the real program.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::harness::{Binary, within};
use crate::operator::{ask, listed};
use crate::websocket::frame::Frame;
use crate::websocket::peer::{Peer, UPGRADE};
use crate::websocket::scene::{EVERY, Scene, Via, connect, scene_of_binary};

const LINES: [&str; 2] = ["admin: 127.0.0.1:0", "websocket: { ping_interval: off }"];

#[tokio::test]
async fn frames_are_shown_as_they_pass_and_without_their_payloads() {
    for via in EVERY {
        let scene = scene_of_binary(&LINES).await;
        let upgrade = UPGRADE.replacen("GET /", "GET /openclaw/token=s3cret?token=s3cret&x=", 1);
        let (mut client, mut gateway) = scene.open_with(via, &upgrade).await;
        // What passed before is not shown.
        pass(&mut client, &mut gateway, &Frame::text("before")).await;
        let mut tap = Tap::open(&scene, "").await;
        let first = tap.line().await;
        assert_eq!(
            (&first["payload"], &first["websocket"]["path"]),
            (&false.into(), &"/openclaw/token=***".into()),
            "{first}"
        );
        pass(&mut client, &mut gateway, &Frame::new(0x01, "s3cret")).await;
        pass(&mut client, &mut gateway, &Frame::ping(b"s3cret")).await;
        pass(&mut client, &mut gateway, &Frame::new(0x80, "more")).await;
        answer(&mut client, &mut gateway, &Frame::new(0xc2, vec![7; 70_000])).await;
        answer(&mut client, &mut gateway, &Frame::close(1000, "s3cret")).await;
        client.write(Frame::close(1000, "").masked()).await;
        let (up, down) = ("client_to_gateway", "gateway_to_client");
        for (direction, opcode, message, length, fin, rsv1) in [
            (up, "text", "text", 6, false, false),
            (up, "ping", "ping", 6, true, false),
            (up, "continuation", "text", 4, true, false),
            (down, "binary", "binary", 70_000, true, true),
            (down, "close", "close", 8, true, false),
            (up, "close", "close", 2, true, false),
        ] {
            let line = tap.line().await;
            for (key, expected) in [
                ("direction", Value::from(direction)),
                ("opcode", opcode.into()),
                ("message", message.into()),
                ("length", length.into()),
                ("fin", fin.into()),
                ("rsv1", rsv1.into()),
                ("rsv2", false.into()),
                ("data", "".into()),
                ("shown", Value::Null),
            ] {
                assert_eq!(line[key], expected, "{via:?}: {key} of {line}");
            }
        }
        assert_eq!(tap.line().await["ended"], "gateway_closed");
        tap.peer.expect("\r\n0\r\n\r\n").await;
        assert!(!tap.seen.contains("s3cret"), "{}", tap.seen);
    }
}

#[tokio::test]
async fn payloads_are_shown_when_asked_for_and_secrets_never() {
    let scene = scene_of_binary(&LINES).await;
    let (mut client, mut gateway) = scene.open(Via::Tls).await;
    let mut tap = Tap::open(&scene, "?payload").await;
    tap.line().await;
    let connect = r#"{"method":"connect","params":{"auth":{"token":"s3cret","deviceToken":"s3cret"},"n":[1]}}"#;
    let masked = r#"{"method":"connect","params":{"auth":{"token":"***","deviceToken":"***"},"n":[1]}}"#;
    let (half, rest) = connect.split_at(50);
    let rows: [(Frame, &str, &str); 8] = [
        (Frame::text(connect), masked, "json"),
        (Frame::new(0x01, half), "", "with_last_frame"),
        (Frame::new(0x80, rest), masked, "json"),
        (Frame::text(half), "***", "hidden"),
        (Frame::text("hello"), "hello", "text"),
        (Frame::binary([0, 159]), "AJ8=", "base64"),
        (Frame::new(0xc1, [0xaa, 0x56]), "qlY=", "compressed_base64"),
        (Frame::text(&"x".repeat(200_000)), "", "too_long"),
    ];
    for (frame, data, how) in &rows {
        for from in ["client_to_gateway", "gateway_to_client"] {
            match from {
                "client_to_gateway" => pass(&mut client, &mut gateway, frame).await,
                _ => answer(&mut client, &mut gateway, frame).await,
            }
            let line = tap.line().await;
            assert_eq!((&line["data"], &line["shown"]), (&(*data).into(), &(*how).into()), "{line}");
            assert_eq!(line["direction"], from);
        }
    }
    answer(&mut client, &mut gateway, &Frame::close(1008, "pairing required")).await;
    let line = tap.line().await;
    assert_eq!((&line["code"], &line["data"]), (&1008.into(), &"pairing required".into()));
    assert!(!tap.seen.contains("s3cret"), "{}", tap.seen);
}

#[tokio::test]
async fn no_message_ends_the_program_that_shows_it() {
    let scene = scene_of_binary(&LINES).await;
    let (mut client, mut gateway) = scene.open(Via::Tls).await;
    let mut tap = Tap::open(&scene, "?payload").await;
    tap.line().await;
    // JSON in strings of JSON, each in as many arrays as a reader takes. Quotes go by their numbers, or each layer would double
    // the one in it.
    let bomb = (0..60).fold(r#"{"token":"s3cret"}"#.to_owned(), |text, _| {
        let text = text.replace('\\', r"\u005c").replace('"', r"\u0022");
        format!("{}\"{text}\"{}", "[".repeat(126), "]".repeat(126))
    });
    for frame in [Frame::text(&bomb), Frame::binary(bomb.as_bytes()), Frame::text(&"[".repeat(100_000))] {
        pass(&mut client, &mut gateway, &frame).await;
        let line = tap.line().await;
        assert!(line["data"].as_str().unwrap().contains("***") || line["shown"] == "text", "{line}");
    }
    assert!(!tap.seen.contains("s3cret"), "{}", tap.seen);
    pass(&mut client, &mut gateway, &Frame::text("still here")).await;
}

#[tokio::test]
async fn a_tap_that_is_not_read_slows_nothing_and_says_what_it_dropped() {
    let scene = scene_of_binary(&LINES).await;
    let (mut client, mut gateway) = scene.open(Via::Plain).await;
    let mut tap = Tap::open(&scene, "?payload").await;
    tap.line().await;
    let frame = Frame::binary(vec![0xfe; 65_000]);
    for _ in 0..200 {
        answer(&mut client, &mut gateway, &frame).await;
    }
    answer(&mut client, &mut gateway, &Frame::close(1000, "")).await;
    client.write(Frame::close(1000, "").masked()).await;
    let (mut frames, mut dropped) = (0, 0);
    loop {
        let line = tap.line().await;
        dropped += line["dropped"].as_u64().unwrap_or_default();
        frames += u64::from(line["opcode"].is_string());
        if line.get("ended").is_some() {
            break;
        }
    }
    assert_eq!(frames + dropped, 202, "{dropped} dropped");
    assert!(dropped > 0);
}

#[tokio::test]
async fn the_latest_tap_wins_and_one_of_nothing_is_not_found() {
    let scene = scene_of_binary(&LINES).await;
    assert!(ask(&scene, "GET", "/connections/nobody/tap").await.starts_with("HTTP/1.1 404 "));
    let (mut client, mut gateway) = scene.open(Via::Plain).await;
    let mut one = Tap::open(&scene, "").await;
    one.line().await;
    let mut other = Tap::open(&scene, "").await;
    other.line().await;
    let over = one.line().await;
    assert!(over["ended"].is_null() && over["why"].as_str().unwrap().contains("another tap"), "{over}");
    pass(&mut client, &mut gateway, &Frame::text("a")).await;
    assert_eq!(other.line().await["opcode"], "text");
    // A reader that goes is not waited for, and the WebSocket goes on.
    drop(other);
    for _ in 0..10 {
        pass(&mut client, &mut gateway, &Frame::text("b")).await;
    }
}

#[tokio::test]
async fn the_program_writes_a_har_file_to_the_end_or_until_it_is_interrupted() {
    let scene = scene_of_binary(&LINES).await;
    let folder = tempfile::tempdir().unwrap();
    for interrupted in [true, false] {
        let (mut client, mut gateway) = scene.open(Via::Tls).await;
        let id = id(&scene).await;
        let path = folder.path().join(format!("{interrupted}.har"));
        let (mut tap, mut lines) = program(&scene, &[&id, "--payload", "--har", path.to_str().unwrap()]);
        assert!(next(&mut lines).starts_with(&id));
        pass(&mut client, &mut gateway, &Frame::text(r#"{"token":"s3cret","a":1}"#)).await;
        assert!(next(&mut lines).ends_with(r#"{"token":"***","a":1}"#));
        if interrupted {
            let pid = rustix::process::Pid::from_child(&tap);
            rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        }
        answer(&mut client, &mut gateway, &Frame::close(1000, "")).await;
        client.write(Frame::close(1000, "").masked()).await;
        let status = tokio::task::spawn_blocking(move || tap.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(0));
        let har: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let entry = &har["log"]["entries"][0];
        assert_eq!(entry["request"]["url"], "wss://gw.example.com/");
        let message = &entry["_webSocketMessages"][0];
        assert_eq!((&message["type"], &message["opcode"]), (&"send".into(), &1.into()), "{har}");
        assert_eq!(message["data"], r#"{"token":"***","a":1}"#);
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o077, 0);
        listed(&scene, 0).await;
    }
    let (mut gone, _lines) = program(&scene, &["nobody"]);
    let status = tokio::task::spawn_blocking(move || gone.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(1));
}

/// One tap, as bytes.
struct Tap {
    peer: Peer,
    /// Everything that was read.
    seen: String,
}

impl Tap {
    async fn open(scene: &Scene<Binary>, query: &str) -> Self {
        let id = id(scene).await;
        let mut peer = Peer::new(connect(scene.proxy.admin.unwrap()).await.unwrap());
        peer.receive_little();
        peer.write(format!("GET /connections/{id}/tap{query} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        let head = peer.head().await;
        assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("application/x-ndjson"), "{head}");
        Self { peer, seen: String::new() }
    }

    /// The next line that says something; between them are signs of life, and the sizes of chunks.
    async fn line(&mut self) -> Value {
        within("a line of the tap", async {
            loop {
                let mut line = Vec::new();
                while !line.ends_with(b"\n") {
                    line.extend(self.peer.reader.take(1).await);
                }
                self.seen.push_str(&String::from_utf8_lossy(&line));
                if line.starts_with(b"{") {
                    return serde_json::from_slice(&line).unwrap();
                }
            }
        })
        .await
    }
}

async fn id(scene: &Scene<Binary>) -> String {
    listed(scene, 1).await["websockets"][0]["id"].as_str().unwrap().to_owned()
}

/// From the client to the gateway.
async fn pass(client: &mut Peer, gateway: &mut Peer, frame: &Frame) {
    client.write(frame.masked()).await;
    gateway.expect(frame.masked()).await;
}

/// From the gateway to the client.
async fn answer(client: &mut Peer, gateway: &mut Peer, frame: &Frame) {
    tokio::join!(gateway.write(frame.bare()), client.expect(frame.bare()));
}

fn program(scene: &Scene<Binary>, arguments: &[&str]) -> (Child, BufReader<ChildStdout>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_frontgate"));
    command.arg("tap").args(arguments).arg("--admin").arg(scene.proxy.admin.unwrap().to_string());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    (child, lines)
}

fn next(lines: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}
