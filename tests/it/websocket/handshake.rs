//! The opening handshake: what passes before the gateway's 101, what both sides see of it, and what is no upgrade.

use std::time::Duration;

use frontgate::config::LocalClients;

use super::frame::Frame;
use super::peer::{UPGRADE, switched, without_request_id};
use super::scene::{EVERY, Via, scene, scene_with};
use crate::harness::in_lower_case;

#[tokio::test]
async fn what_a_client_sends_behind_its_handshake_waits_for_the_101_and_goes_first() {
    let scene = scene().await;
    for via in EVERY {
        let mut client = scene.connect(via).await;
        let (first, second) = (Frame::text("first").masked(), Frame::text("second").masked());
        client.write([UPGRADE.as_bytes(), &first].concat()).await;
        let mut gateway = scene.accept().await;
        let switched = switched(&gateway.head().await);
        client.write(&second).await;
        scene.round_trip().await;
        assert_eq!(gateway.at_hand().await, b"", "{via:?}");
        gateway.write(switched).await;
        gateway.expect([first, second].concat()).await;
        assert!(client.head().await.starts_with("HTTP/1.1 101 "));
    }
}

#[tokio::test]
async fn a_gateway_that_never_answers_gets_no_byte_of_the_tunnel() {
    let scene = scene_with(|config| config.timeouts.read = Some(Duration::from_millis(300))).await;
    for via in EVERY {
        let mut client = scene.connect(via).await;
        client.write([UPGRADE.as_bytes(), &Frame::text("too early").masked()].concat()).await;
        let mut gateway = scene.accept().await;
        gateway.head().await;
        assert_eq!(gateway.rest().await, b"");
        assert!(client.head().await.starts_with("HTTP/1.1 504 "));
    }
}

#[tokio::test]
async fn what_comes_right_behind_the_101_reaches_the_client_at_once() {
    let challenge = Frame::text(r#"{"type":"event","event":"connect.challenge"}"#).bare();
    let scene = scene().await;
    for via in EVERY {
        let mut client = scene.connect(via).await;
        client.write(UPGRADE).await;
        let mut gateway = scene.accept().await;
        let switched = switched(&gateway.head().await);
        gateway.write([switched.as_bytes(), &challenge].concat()).await;
        client.head().await;
        // Neither side says another word, so nothing but the handshake itself can bring it.
        client.expect(&challenge).await;
        client.write(Frame::text("thanks").masked()).await;
        gateway.expect(Frame::text("thanks").masked()).await;

        let (mut client, mut gateway) = scene.open(via).await;
        gateway.write(&challenge).await;
        client.expect(&challenge).await;
    }
}

#[tokio::test]
async fn the_handshake_passes_byte_for_byte_but_for_its_hop() {
    let scene = scene().await;
    let mut client = scene.connect(Via::Tls).await;
    client
        .write(
            "GET /openclaw//a/../b%2Fc;d?token=s&x=1&x=%2f&+? HTTP/1.1\r\n\
             Host: gw.example.com:8443\r\n\
             connection: keep-alive, Upgrade, X-Hop\r\n\
             UPGRADE: WebSocket\r\n\
             X-Hop: 1\r\n\
             Sec-WebSocket-Version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-other;p=\"a, b\"\r\n\
             Sec-WebSocket-Extensions: x-third\r\n\
             Sec-WebSocket-Protocol: openclaw.v1, token.abc\r\n\
             Origin: https://gw.example.com:8443\r\n\
             Cookie: a=1; b=2\r\n\
             X-Forwarded-For: 127.0.0.1\r\n\
             Forwarded: for=127.0.0.1\r\n\
             Proxy-Authorization: Basic eA==\r\n\
             User-Agent: \"odd\"  two spaces\r\n\r\n",
        )
        .await;
    let mut gateway = scene.accept().await;
    let expected = "GET /openclaw//a/../b%2Fc;d?token=s&x=1&x=%2f&+? HTTP/1.1\r\n\
         Host: gw.example.com:8443\r\n\
         Sec-WebSocket-Version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-other;p=\"a, b\"\r\n\
         Sec-WebSocket-Extensions: x-third\r\n\
         Sec-WebSocket-Protocol: openclaw.v1, token.abc\r\n\
         Origin: https://gw.example.com:8443\r\n\
         Cookie: a=1; b=2\r\n\
         User-Agent: \"odd\"  two spaces\r\n\
         X-Forwarded-For: 127.0.0.1\r\n\
         x-real-ip: 127.0.0.1\r\n\
         x-forwarded-proto: https\r\n\
         x-forwarded-host: gw.example.com:8443\r\n\
         x-forwarded-port: 8443\r\n\
         connection: Upgrade\r\n\
         UPGRADE: websocket\r\n\r\n";
    assert_eq!(gateway.head().await, in_lower_case(expected));
    let answer = "HTTP/1.1 101 Switching Protocols\r\n\
         Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\
         Sec-WebSocket-Protocol: openclaw.v1\r\n\
         Set-Cookie: session=1\r\n\
         Set-Cookie: other=2\r\n\
         X-Odd-CASE: kept\r\n";
    gateway.write(format!("{answer}Keep-Alive: timeout=5\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n\r\n")).await;
    let head = without_request_id(&client.head().await);
    assert_eq!(head, in_lower_case(&format!("{answer}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")));
}

#[tokio::test]
async fn a_client_on_this_machine_that_asks_for_a_loopback_name_comes_as_itself() {
    let localhost = UPGRADE.replace("gw.example.com", "localhost:8443");
    let mut scene = scene().await;
    let rows = [(LocalClients::Auto, false), (LocalClients::Forwarded, true)];
    for (mode, forwarded) in rows {
        if mode == LocalClients::Forwarded {
            scene = scene_with(|config| config.forwarded.local_clients = LocalClients::Forwarded).await;
        }
        let mut client = scene.connect(Via::Plain).await;
        client.write(&localhost).await;
        let head = scene.accept().await.head().await;
        assert_eq!(head.contains("x-forwarded-for: 127.0.0.1\r\n"), forwarded, "{mode:?}: {head}");
        assert_eq!(head.contains("forwarded"), forwarded, "{mode:?}: {head}");
    }
}

#[tokio::test]
async fn what_is_no_upgrade_is_an_ordinary_request() {
    const KEY: &str =
        "Host: gw.example.com\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let rows = [
        format!(
            "GET / HTTP/1.1\r\n{KEY}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
        ),
        format!("GET / HTTP/1.1\r\n{KEY}Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{KEY}Connection: keep-alive\r\nUpgrade: websocket\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{KEY}Upgrade: websocket\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{KEY}Connection: Upgrade\r\n\r\n"),
        format!("GET / HTTP/1.0\r\n{KEY}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{KEY}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{KEY}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello"),
        format!(
            "GET / HTTP/1.1\r\n{KEY}Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
    ];
    let scene = scene().await;
    for request in rows {
        let mut client = scene.connect(Via::Tls).await;
        client.write(&request).await;
        let mut gateway = scene.accept().await;
        let head = gateway.head().await.to_ascii_lowercase();
        assert!(!head.contains("\r\nupgrade:") && !head.contains("\r\nconnection:"), "{request}: {head}");
        gateway.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
        let answer = client.answer().await;
        assert!(answer[8..].starts_with(" 200 ") && answer.ends_with("ok"), "{request}: {answer}");
    }
}
