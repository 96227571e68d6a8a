//! Reloads and the end of a process whose clients wait, and whose files do not answer.

use std::fs;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use tempfile::TempDir;

use super::{ADMIN, LISTEN, answering, certificate, free_address, overlaid, post, replace, text};
use crate::harness::{Binary, Wire, binary, dial, within};
use crate::websocket::scene::connect;

const DRAIN: &str = "timeouts: { drain: 2s, request_head: off }";

#[tokio::test]
async fn a_listener_at_which_a_client_waits_for_a_permit_is_removed_at_once() {
    let gateway = answering("ok").await;
    let free = free_address();
    let listen = format!("listen: {{ https: [\"127.0.0.1:0\"], plain: [\"127.0.0.1:0\", \"{free}\"] }}");
    let few = "limits: { connections: 2 }";
    let start = binary().upstream(&gateway).config(&listen).config(ADMIN).config(few).config(DRAIN).start();
    let mut binary = start.await;
    let mut inside = Vec::new();
    for _ in 0..2 {
        let mut client = Wire::new(dial(binary.https.unwrap()).await);
        client.send("\x16").await;
        inside.push(client);
    }
    let _waits = dial(free).await;
    binary.line(|line| line["message"] == "limits.connections is reached; new clients wait").await;
    replace(&binary, &overlaid(&text(&binary), LISTEN));
    assert_eq!(post(&binary, "/reload").await, (200, "reloaded\n".to_owned()));
    assert!(connect(free).await.is_err(), "no process listens there any more");
    assert_eq!(post(&binary, "/reload").await.0, 200);
    assert_eq!(within("the end", binary.terminate()).await.code(), Some(0));
    drop(inside);
}

/// A pipe to which no process writes stands for a disk that does not answer.
#[tokio::test]
async fn a_file_that_does_not_answer_keeps_no_reload_waiting_for_ever_and_no_process_from_ending() {
    let gateway = answering("ok").await;
    let folder = TempDir::new().unwrap();
    let tls = certificate(folder.path(), 0);
    let ca = folder.path().join("ca.pem");
    let client_ca = format!("tls: {{ client_ca: \"{}\" }}", ca.display());
    for line in [tls, client_ca] {
        let mut binary = binary().upstream(&gateway).config(LISTEN).config(ADMIN).config(DRAIN).start().await;
        for file in ["0.pem", "ca.pem"].map(|name| folder.path().join(name)) {
            let _ = fs::remove_file(&file);
            mknodat(CWD, &file, FileType::Fifo, Mode::from(0o600), 0).unwrap();
        }
        replace(&binary, &overlaid(&text(&binary), &line));
        serves(&binary).await;
        binary.signal(Signal::HUP);
        serves(&binary).await;
        assert_eq!(within("the end", binary.terminate()).await.code(), Some(0));
    }
}

async fn serves(binary: &Binary) {
    let mut client = binary.client().await;
    client.send(super::ASK).await;
    assert_eq!(client.response().await.status(), 200);
}
