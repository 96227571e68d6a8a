//! What needs a gateway whose WebSockets open: one that plays a part, and frontgate before it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::{Message, accept};

use super::{before, doctor};
use crate::cli::frontgate_in;
use crate::harness::binary;
use crate::websocket::peer::UPGRADE;

/// A gateway that refuses every `connect` with this detail, as one does to which no secret is sent; its address.
pub(super) fn gateway(detail: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || talk(stream, detail));
        }
    });
    address
}

/// One connection; `None` when the client has gone.
fn talk(mut stream: TcpStream, detail: &str) -> Option<()> {
    let mut first = [0; 7];
    // A client that asks for anything sends more than that at once.
    stream.peek(&mut first).ok().filter(|length| *length == first.len())?;
    if !first.starts_with(b"GET / ") {
        // The client asks whether the gateway lives, is ready or has started.
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).ok()?;
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 11\r\nconnection: close\r\n\r\n{\"ok\":true}";
        return stream.write_all(answer.as_bytes()).ok();
    }
    let mut socket = accept(stream).ok()?;
    let challenge = json!({"type": "event", "event": "connect.challenge", "payload": {"nonce": "n"}});
    socket.send(Message::text(challenge.to_string())).ok()?;
    loop {
        let Message::Text(text) = socket.read().ok()? else { continue };
        let id = serde_json::from_str::<Value>(&text).ok()?["id"].clone();
        let error = json!({"code": "INVALID_REQUEST", "message": "unauthorized", "details": {"code": detail}});
        let refusal = json!({"type": "res", "id": id, "ok": false, "error": error});
        socket.send(Message::text(refusal.to_string())).ok()?;
    }
}

fn ids(stdout: &str) -> Vec<String> {
    let told: Value = serde_json::from_str(stdout).unwrap_or_else(|_| panic!("{stdout}"));
    let findings = told["findings"].as_array().unwrap().iter();
    findings.map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_gateway_without_a_secret_is_found_and_gone_once_it_has_one() {
    let folder = TempDir::new().unwrap();
    for (detail, expected) in [
        ("AUTH_TOKEN_NOT_CONFIGURED", &["gateway_no_secret", "frontgate_not_running"][..]),
        ("AUTH_PASSWORD_NOT_CONFIGURED", &["gateway_no_secret", "frontgate_not_running"]),
        ("AUTH_TOKEN_MISSING", &["frontgate_not_running"]),
    ] {
        let config = before(&gateway(detail), folder.path(), "");
        let ran = doctor(folder.path(), &config, &["--origin", "https://gw.lan", "--json"]);
        assert_eq!(ids(&ran.stdout), expected, "{detail}: {ran:?}");
    }
}

#[tokio::test]
async fn pages_that_frontgate_itself_refuses_are_found_and_come_in_with_the_line_that_is_named() {
    let folder = TempDir::new().unwrap();
    let upstream = format!("upstream: http://{}", gateway("AUTH_TOKEN_MISSING"));
    let admin = format!("admin: \"unix:{}\"", folder.path().join("admin.sock").display());
    let forgotten = "websocket: { allowed_origins: [\"https://gw.lan\"] }";
    let binary = binary().config(&upstream).config(&admin).config(forgotten).start().await;
    let file = binary.config_file();
    let run = |args: &[&str]| frontgate_in(folder.path(), &[args, &["-c", file.to_str().unwrap()]].concat(), &[]);
    let its = ["doctor", "--json", "--origin", "https://gw.lan:8443"];
    let page = UPGRADE.replacen("\r\n", "\r\nOrigin: https://gw.lan:8443\r\n", 1);

    let mut client = binary.client().await;
    client.send(&page).await;
    assert_eq!(client.response().await.status(), 403);
    let ran = run(&its);
    assert_eq!((ran.code, ids(&ran.stdout)), (1, vec!["own_allowed_origins".to_owned()]), "{ran:?}");
    let line = "websocket: { allowed_origins: [\"https://gw.lan:8443\"] }";
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(told["findings"][0]["fix"][1].as_str().unwrap().trim(), line);

    fs::write(&file, fs::read_to_string(&file).unwrap().replace(forgotten, line)).unwrap();
    assert_eq!(run(&["reload"]).code, 0);
    let ran = run(&its);
    assert_eq!((ran.code, ids(&ran.stdout)), (0, Vec::new()), "{ran:?}");
    let mut client = binary.client().await;
    client.send(&page).await;
    assert_eq!(client.response().await.status(), 101);
}
