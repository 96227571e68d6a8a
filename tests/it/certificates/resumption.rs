//! TLS sessions that go on after a restart and after a handover, and those that must not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind};

use super::made::{Ca, Folder};
use super::seeing::Seeing;
use super::{GET, OK};
use crate::harness::{Binary, Doors, Gateway, Wire, binary, gateway};

/// Clients of both versions, each of which remembers its own sessions.
fn clients() -> Vec<Arc<ClientConfig>> {
    let speaking = |number| if number % 2 == 0 { [&TLS13] } else { [&TLS12] };
    (0..40).map(|number| Seeing::default().speaking(&speaking(number), &["http/1.1"], None)).collect()
}

/// How each client's handshake goes, and what status it gets.
async fn visit(doors: &Doors, clients: &[Arc<ClientConfig>]) -> Vec<(HandshakeKind, u16)> {
    let mut seen = Vec::new();
    for client in clients {
        let stream = doors.tls(Arc::clone(client)).await;
        let kind = stream.get_ref().1.handshake_kind().unwrap();
        let mut client = Wire::new(stream);
        let sent = client.try_send(GET).await;
        let answer = if sent.is_ok() { client.next_response().await } else { None };
        seen.push((kind, answer.map_or(0, |answer| answer.status())));
    }
    seen
}

async fn started(gateway: &Gateway, folder: &Folder, lines: &[&str]) -> Binary {
    let state = format!("state_dir: {}", folder.file("state").display());
    lines.iter().fold(binary().upstream(gateway).config(&state), |builder, line| builder.config(line)).start().await
}

#[tokio::test]
async fn every_client_that_comes_back_resumes_after_a_restart_and_after_a_handover() {
    let gateway = gateway().answering(OK).await;
    let (folder, clients) = (Folder::new(), clients());
    let full = vec![(HandshakeKind::Full, 200); clients.len()];
    let resumed = vec![(HandshakeKind::Resumed, 200); clients.len()];
    let mut proxy = started(&gateway, &folder, &[]).await;
    assert_eq!(visit(&proxy, &clients).await, full);
    let mode = fs::metadata(folder.file("state").join("ticket-key")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert!(proxy.terminate().await.success());

    let mut proxy = started(&gateway, &folder, &[]).await;
    assert_eq!(visit(&proxy, &clients).await, resumed, "after a restart");
    proxy.signal(Signal::USR2);
    let line = proxy.line(|line| line["successor"].is_u64()).await;
    let successor = Pid::from_raw(line["successor"].as_i64().unwrap().try_into().unwrap()).unwrap();
    assert!(proxy.gone().await.success());
    let seen = visit(&proxy, &clients).await;
    kill_process(successor, Signal::TERM).unwrap();
    let _ = proxy.ended().await;
    assert_eq!(seen, resumed, "after a handover");

    // Without its key nothing is resumed, and every client gets in all the same.
    fs::remove_file(folder.file("state").join("ticket-key")).unwrap();
    let proxy = started(&gateway, &folder, &[]).await;
    assert_eq!(visit(&proxy, &clients).await, full, "with another key");
}

#[tokio::test]
async fn no_session_leads_past_the_question_for_a_client_certificate() {
    let gateway = gateway().answering(OK).await;
    let (folder, clients) = (Folder::new(), clients());
    let ca = Ca::new();
    fs::write(folder.file("ca.pem"), &ca.pem).unwrap();
    let file = folder.file("ca.pem");
    let file = file.display();
    let asked_by_all = format!("tls: {{ client_ca: {file} }}");
    let asked_by_route = format!("auth: {{ mtls: {{ ca: {file} }} }}");
    let mut open = started(&gateway, &folder, &[]).await;
    visit(&open, &clients).await;
    open.terminate().await;
    for (line, expected) in [(asked_by_all, 0), (asked_by_route, 401)] {
        let mut proxy = started(&gateway, &folder, &[&line]).await;
        // With TLS 1.2 a client that is refused has no handshake to speak of.
        let tls13: Vec<_> = clients.iter().step_by(2).cloned().collect();
        let clients = if expected == 0 { &tls13 } else { &clients };
        let seen = visit(&proxy, clients).await;
        assert!(seen.iter().all(|seen| *seen == (HandshakeKind::Full, expected)), "{line}: {seen:?}");
        proxy.terminate().await;
    }
}
