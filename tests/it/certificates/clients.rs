//! Clients that show certificates of their own.

use std::fs;

use frontgate::config::{ClientCa, ClientMode};
use frontgate::tls::Fingerprint;
use rcgen::DnType;
use rustls::HandshakeKind;
use rustls::version::{TLS12, TLS13};

use super::made::{Ca, Folder};
use super::seeing::Seeing;
use super::{GET, OK};
use crate::harness::{Wire, binary, gateway, handshake, proxy};

#[tokio::test]
async fn clients_are_known_by_their_certificates() {
    let mut gateway = gateway().answering(OK).await;
    let (ca, stranger) = (Ca::new(), Ca::new());
    let ann = ca.client(&[(DnType::OrganizationName, "Example, Inc."), (DnType::CommonName, "ann")]);
    let eve = stranger.client(&[(DnType::CommonName, "eve")]);
    let folder = Folder::new();
    fs::write(folder.file("ca.pem"), &ca.pem).unwrap();
    let subject = "CN=ann,O=Example\\, Inc.";
    for (mode, nobody_is_let_in) in [(ClientMode::Required, false), (ClientMode::Optional, true)] {
        let clients = ClientCa { file: folder.file("ca.pem"), mode };
        let proxy = proxy().upstream(&gateway).config(|config| config.tls.client_ca = Some(clients)).start().await;
        for (who, let_in, told) in
            [(Some(&ann), true, Some(subject)), (Some(&eve), false, None), (None, nobody_is_let_in, None)]
        {
            for alpn in [&["http/1.1"][..], &[]] {
                let config = Seeing::default().client_config(alpn, who);
                // With TLS 1.3 a client learns from the first answer that it was refused.
                let stream = handshake(proxy.silent().await, config, "localhost").await;
                let mut client = Wire::new(stream.unwrap());
                let forged = "X-Client-Cert-Subject: CN=root\r\nx_client_cert_subject: CN=root\r\n\
                              X-Client-Cert-Fingerprint: 00\r\nX-Client-CERT-Subject: CN=admin\r\n";
                let sent = client.try_send(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{forged}\r\n")).await;
                let response = if sent.is_ok() { client.next_response().await } else { None };
                let ok = response.is_some_and(|response| response.raw.starts_with(b"HTTP/1.1 200"));
                assert_eq!(ok, let_in, "{mode:?} {told:?}");
                if !let_in {
                    continue;
                }
                let head = gateway.request().await;
                let fingerprint = who.map(|made| Fingerprint::of(&made.der).to_string());
                assert_eq!(head.field("x-client-cert-subject").as_deref(), told);
                assert_eq!(head.field("x-client-cert-fingerprint"), fingerprint);
                assert!(!head.head().contains("root") && !head.head().contains("admin"), "{}", head.head());
            }
        }
        assert!(gateway.unexpected().is_none());
    }
}

#[tokio::test]
async fn nothing_is_resumed_where_clients_show_certificates() {
    let gateway = gateway().answering(OK).await;
    let ca = Ca::new();
    let ann = ca.client(&[(DnType::CommonName, "ann")]);
    let folder = Folder::new();
    fs::write(folder.file("ca.pem"), &ca.pem).unwrap();
    for asked in [true, false] {
        let clients = asked.then(|| ClientCa { file: folder.file("ca.pem"), mode: ClientMode::Required });
        let proxy = proxy().upstream(&gateway).config(|config| config.tls.client_ca = clients).start().await;
        for versions in [&[&TLS13][..], &[&TLS12]] {
            let config = Seeing::default().speaking(versions, &["http/1.1"], Some(&ann));
            let mut kinds = Vec::new();
            for _ in 0..2 {
                let stream = proxy.tls(config.clone()).await;
                kinds.push(stream.get_ref().1.handshake_kind().unwrap());
                let mut client = Wire::new(stream);
                client.send(GET).await;
                assert_eq!(client.response().await.status(), 200);
            }
            let second = if asked { HandshakeKind::Full } else { HandshakeKind::Resumed };
            assert_eq!(kinds, [HandshakeKind::Full, second], "{versions:?}");
        }
    }
}

#[tokio::test]
async fn the_access_line_names_the_subject_of_the_certificate() {
    let gateway = gateway().answering(OK).await;
    let ca = Ca::new();
    let ann = ca.client(&[(DnType::CommonName, "ann")]);
    let folder = Folder::new();
    fs::write(folder.file("ca.pem"), &ca.pem).unwrap();
    let line = format!("tls: {{ client_ca: {{ file: {}, mode: optional }} }}", folder.file("ca.pem").display());
    let mut proxy = binary().upstream(&gateway).config(&line).start().await;
    for (who, subject) in [(Some(&ann), serde_json::json!("CN=ann")), (None, serde_json::Value::Null)] {
        let mut client = Wire::new(proxy.tls(Seeing::default().client_config(&["http/1.1"], who)).await);
        client.send(GET).await;
        assert_eq!(client.response().await.status(), 200);
        assert_eq!(proxy.access().await["subject"], subject);
    }
}
