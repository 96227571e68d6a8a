//! TLS and what comes before a request: handshakes, certificates, and clients that say nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use frontgate::config::{Certificate, CertificateFiles};
use rustls::crypto::SupportedKxGroup;
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, NamedGroup, ProtocolVersion};
use tokio::io::AsyncWriteExt;

use crate::harness::{End, Identity, Trust, Wire, gateway, handshake, proxy};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[tokio::test]
async fn versions_protocols_and_groups_are_negotiated() {
    let gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let (both, old) = (&[&TLS13, &TLS12][..], &[&TLS12][..]);
    let hybrid = NamedGroup::X25519MLKEM768;
    let rows = [
        (both, &["h2", "http/1.1"][..], None, ProtocolVersion::TLSv1_3, Some("h2"), hybrid),
        (both, &["http/1.1", "h2"], None, ProtocolVersion::TLSv1_3, Some("h2"), hybrid),
        (both, &["http/1.1"], None, ProtocolVersion::TLSv1_3, Some("http/1.1"), hybrid),
        (both, &[], None, ProtocolVersion::TLSv1_3, None, hybrid),
        (both, &["h2"], Some(NamedGroup::X25519), ProtocolVersion::TLSv1_3, Some("h2"), NamedGroup::X25519),
        (both, &["h2"], Some(NamedGroup::secp256r1), ProtocolVersion::TLSv1_3, Some("h2"), NamedGroup::secp256r1),
        (old, &["h2"], None, ProtocolVersion::TLSv1_2, Some("h2"), NamedGroup::X25519),
        (old, &["http/1.1"], None, ProtocolVersion::TLSv1_2, Some("http/1.1"), NamedGroup::X25519),
    ];
    for (versions, alpn, only, version, chosen, group) in rows {
        let config = proxy.trust().speaking(versions, alpn, only);
        let stream = proxy.tls(config).await;
        let session = stream.get_ref().1;
        let got = (
            session.protocol_version().unwrap(),
            session.alpn_protocol().map(|name| std::str::from_utf8(name).unwrap()),
            session.negotiated_key_exchange_group().map(SupportedKxGroup::name).unwrap(),
        );
        assert_eq!(got, (version, chosen, group), "{alpn:?} {only:?}");
    }
}

#[tokio::test]
async fn a_client_that_speaks_neither_protocol_is_refused() {
    let gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let config = proxy.trust().offering(&["spdy/3"]);
    let refused = handshake(proxy.silent().await, config, "localhost").await.unwrap_err();
    assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");
}

#[tokio::test]
async fn a_client_that_comes_again_resumes_its_session() {
    let gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    for versions in [&[&TLS13][..], &[&TLS12]] {
        let config = proxy.trust().speaking(versions, &["http/1.1"], None);
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let stream = proxy.tls(config.clone()).await;
            assert_eq!(stream.get_ref().1.handshake_kind(), Some(expected), "{versions:?}");
            // Tickets come before an answer.
            let mut client = Wire::new(stream);
            client.send(GET).await;
            assert_eq!(client.response().await.status(), 200);
        }
    }
}

#[tokio::test]
async fn the_certificate_survives_a_restart_and_its_keys_are_ours_alone() {
    let gateway = gateway().answering(OK).await;
    let first = proxy().upstream(&gateway).start().await;
    let shown = async |proxy: &crate::harness::Proxy| {
        let stream = proxy.tls(proxy.trust().offering(&["http/1.1"])).await;
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    let before = shown(&first).await;
    let (_, state) = first.stop().await;
    for (file, expected) in [("ca.key", 0o600), ("leaf.key", 0o600), ("ca.pem", 0o644), ("leaf.pem", 0o644)] {
        assert_eq!(mode(&state.path().join(file)), expected, "{file}");
    }
    let second = proxy().upstream(&gateway).state(state).start().await;
    assert_eq!(shown(&second).await, before);
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).map(|metadata| metadata.permissions().mode() & 0o777).expect("a file that was written")
}

#[tokio::test]
async fn the_local_certificate_is_for_this_machines_own_names_too() {
    let gateway = gateway().answering(OK).await;
    let names = |config: &mut frontgate::config::Config| {
        config.tls.names = vec![frontgate::config::Name::Dns("gw.example.com".into())];
    };
    let proxy = proxy().upstream(&gateway).config(names).start().await;
    let config = proxy.trust().offering(&["http/1.1"]);
    for (name, fits) in
        [("gw.example.com", true), ("localhost", true), ("127.0.0.1", true), ("::1", true), ("example.com", false)]
    {
        let shaken = handshake(proxy.silent().await, config.clone(), name).await;
        assert_eq!(shaken.is_ok(), fits, "{name}: {:?}", shaken.err());
    }
}

#[tokio::test]
async fn a_certificate_of_ones_own_is_shown() {
    let gateway = gateway().answering(OK).await;
    let identity = Identity::new();
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    fs::write(&cert, &identity.pem).unwrap();
    fs::write(&key, &identity.key_pem).unwrap();
    let trust = Trust::file(&cert);
    let files = CertificateFiles { cert, key, ocsp: None };
    let proxy = proxy()
        .upstream(&gateway)
        .config(|config| config.tls.certificate = Certificate::Files(vec![files]))
        .start()
        .await;
    let mut client = Wire::new(proxy.tls(trust.offering(&["http/1.1"])).await);
    client.send(GET).await;
    assert_eq!(client.response().await.status(), 200);
}

#[tokio::test]
async fn a_client_that_speaks_plain_http_to_the_tls_port_is_sent_to_https() {
    let gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).http().start().await;
    let port = proxy.https.unwrap().port();
    for mut client in [Wire::new(proxy.silent().await), proxy.http_client().await] {
        client.send(format!("POST //a/../b?x=%2F& HTTP/1.1\r\nHost: gw.example.com:{port}\r\n\r\n")).await;
        let response = client.response().await;
        assert_eq!(response.status(), 308);
        assert_eq!(
            response.field("location").as_deref(),
            Some(&*format!("https://gw.example.com:{port}//a/../b?x=%2F&"))
        );
        assert_eq!(response.field("cache-control").as_deref(), Some("no-store"));
    }
    assert_eq!(gateway.connections(), 0, "nothing of a request in the clear reaches the gateway");
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_handshake_is_gone_after_the_timeout() {
    let gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).config(|config| config.timeouts.tls_handshake = Some(SHORT)).start().await;
    let starts: &[(&str, &[u8])] = &[
        ("nothing", b""),
        ("a byte of a record", b"\x16"),
        ("half a ClientHello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    ];
    for (name, bytes) in starts {
        let mut stream = proxy.silent().await;
        stream.write_all(bytes).await.unwrap();
        let (said, _) = Wire::new(stream).rest().await;
        assert!(said.is_empty(), "{name}: {said:?}");
    }
}

/// What comes before HTTP has one time for all of it, however it is spread.
#[tokio::test]
async fn a_handshake_that_begins_late_ends_no_later() {
    const LIMIT: Duration = Duration::from_secs(4);
    let gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).config(|config| config.timeouts.tls_handshake = Some(LIMIT)).start().await;
    let began = std::time::Instant::now();
    let mut stream = proxy.silent().await;
    tokio::time::sleep(LIMIT * 3 / 4).await;
    stream.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await.unwrap();
    let (said, _) = Wire::new(stream).rest().await;
    // A second time of its own would end after 7 s.
    assert!(said.is_empty() && began.elapsed() < LIMIT * 6 / 4, "{:?} {said:?}", began.elapsed());
}

#[tokio::test]
async fn a_head_that_does_not_end_in_time_gets_a_408_and_a_silent_client_nothing() {
    let gateway = gateway().answering(OK).await;
    let patience = |config: &mut frontgate::config::Config| config.timeouts.request_head = Some(SHORT);
    let proxy = proxy().upstream(&gateway).config(patience).plain().start().await;
    for tls in [true, false] {
        let client = async || if tls { proxy.client().await } else { proxy.plain_client().await };
        let mut slow = client().await;
        slow.send("GET /slow HTTP/1.1\r\nHost: loc").await;
        let response = slow.response().await;
        assert_eq!((response.status(), response.field("connection").as_deref()), (408, Some("close")));
        assert!(response.body_text().contains("code: request_timeout\n"), "{}", response.text());
        assert_eq!(slow.closed().await, End::Clean);
        assert_eq!(client().await.closed().await, End::Clean);
    }
    // Byte by byte is no faster: the time is for the whole head.
    let mut client = proxy.client().await;
    let mut drip = tokio::time::interval(SHORT / 10);
    client.send("GET / HTTP/1.1\r\nX: ").await;
    while client.try_send("x").await.is_ok() && !client.has_more().await {
        drip.tick().await;
    }
    assert_eq!(client.response().await.status(), 408);
    assert_eq!(gateway.connections(), 0);
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let gateway = gateway()
        .playing(|mut connection| async move {
            while connection.request().await.is_some() {
                // Longer than either timeout.
                tokio::time::sleep(4 * SHORT).await;
                connection.send(OK).await;
            }
        })
        .await;
    let patience = |config: &mut frontgate::config::Config| {
        (config.timeouts.keep_alive, config.timeouts.request_head) = (Some(SHORT), Some(SHORT));
    };
    let proxy = proxy().upstream(&gateway).config(patience).start().await;
    let mut client = proxy.client().await;
    for _ in 0..2 {
        client.send(GET).await;
        assert_eq!(client.response().await.status(), 200);
    }
    assert_eq!(client.closed().await, End::Clean);

    let mut client = proxy.http2().await;
    assert_eq!(client.get("https://localhost/").await.status, 200);
    client.closed().await;

    // A connection that never asks anything.
    proxy.http2().await.closed().await;
}

#[tokio::test]
async fn a_later_head_has_no_more_time_than_the_first() {
    let gateway = gateway().answering(OK).await;
    let patience = |config: &mut frontgate::config::Config| {
        (config.timeouts.keep_alive, config.timeouts.request_head) = (None, Some(SHORT));
    };
    let proxy = proxy().upstream(&gateway).config(patience).start().await;
    let mut client = proxy.client().await;
    client.send(GET).await;
    assert_eq!(client.response().await.status(), 200);
    client.send("GET / HT").await;
    assert_eq!(client.response().await.status(), 408);
}

const SHORT: Duration = Duration::from_millis(150);
