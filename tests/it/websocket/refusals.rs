//! Upgrades that come to nothing: refused by the gateway, by us, or answered with what is no WebSocket.

use frontgate::config::AllowedOrigins;

use super::frame::Frame;
use super::peer::{SWITCHED, UPGRADE};
use super::scene::{OVER_HTTP1, Via, scene, scene_with};
use crate::harness::in_lower_case;

#[tokio::test]
async fn a_101_that_is_not_the_right_one_is_a_502_and_nothing_passes() {
    const ACCEPT: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    let rows = [
        ("Upgrade: websocket\r\nConnection: Upgrade\r\n", "gateway_wrong_accept"),
        (
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xO0=\r\n",
            "gateway_wrong_accept",
        ),
        (&format!("Upgrade: websocket\r\nConnection: Upgrade\r\n{ACCEPT}{ACCEPT}"), "gateway_wrong_accept"),
        (&format!("Connection: Upgrade\r\n{ACCEPT}"), "gateway_did_not_upgrade"),
        (&format!("Upgrade: h2c\r\nConnection: Upgrade\r\n{ACCEPT}"), "gateway_did_not_upgrade"),
        (&format!("Upgrade: websocket\r\n{ACCEPT}"), "gateway_did_not_upgrade"),
    ];
    let scene = scene().await;
    for (fields, code) in rows {
        let mut client = scene.connect(Via::Tls).await;
        client.write([UPGRADE.as_bytes(), &Frame::text("for a WebSocket only").masked()].concat()).await;
        let mut gateway = scene.accept().await;
        gateway.head().await;
        let answer = format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n");
        gateway.write([answer.as_bytes(), &Frame::text("from no WebSocket").bare()].concat()).await;
        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 502 "), "{fields}: {head}");
        let rest = String::from_utf8_lossy(&client.rest().await).into_owned();
        assert!(rest.contains(code) && !rest.contains("from no WebSocket"), "{fields}: {rest}");
        assert_eq!(gateway.rest().await, b"", "{fields}");
    }
}

#[tokio::test]
async fn a_101_that_was_not_asked_for_is_a_502() {
    let scene = scene().await;
    let mut client = scene.connect(Via::Tls).await;
    client.write("GET / HTTP/1.1\r\nHost: gw.example.com\r\nAccept: application/json\r\n\r\n").await;
    let mut gateway = scene.accept().await;
    gateway.head().await;
    gateway.write([SWITCHED.as_bytes(), &Frame::text("surprise").bare()].concat()).await;
    let answer = client.answer().await;
    assert!(answer.starts_with("HTTP/1.1 502 ") && answer.contains("\"gateway_unasked_upgrade\""), "{answer}");
    assert_eq!(gateway.rest().await, b"");
}

#[tokio::test]
async fn what_the_gateway_says_instead_of_101_comes_back_as_it_is() {
    let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT";
    let attribution = r#"{"error":{"code":"proxy_attribution_required","message":"…"}}"#;
    let length = attribution.len();
    let answers = [
        format!("HTTP/1.1 200 OK\r\n{date}\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n<p>hi"),
        format!("HTTP/1.1 401 Unauthorized\r\n{date}\r\nWWW-Authenticate: Bearer\r\nContent-Length: 3\r\n\r\nno\n"),
        format!(
            "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\n{date}\r\nContent-Length: {length}\r\n\r\n{attribution}"
        ),
        format!("HTTP/1.1 404 Not Found\r\n{date}\r\nContent-Length: 0\r\n\r\n"),
        format!("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 17\r\n{date}\r\nContent-Length: 9\r\n\r\nslow down"),
        format!("HTTP/1.1 503 Starting Up Again\r\n{date}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsoon\r\n0\r\n\r\n"),
    ];
    let scene = scene().await;
    for via in OVER_HTTP1 {
        for expected in &answers {
            let mut client = scene.connect(via).await;
            client.write(UPGRADE).await;
            let mut gateway = scene.accept().await;
            gateway.head().await;
            gateway.write(expected).await;
            assert_eq!(client.answer().await, in_lower_case(expected), "{via:?}");

            // The connection is an ordinary one still.
            client.write("GET /next HTTP/1.1\r\nHost: gw.example.com\r\n\r\n").await;
            if gateway.try_head().await.is_none() {
                gateway = scene.accept().await;
                gateway.head().await;
            }
            gateway
                .write(format!("HTTP/1.1 200 OK\r\n{date}\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"))
                .await;
            assert!(client.answer().await.ends_with("\r\n\r\nok"));
        }
    }
}

#[tokio::test]
async fn pages_of_other_origins_are_refused_before_the_gateway_sees_them() {
    let list = AllowedOrigins::List(vec!["https://ui.example.com".to_owned()]);
    let rows = [
        (AllowedOrigins::Any, None, true),
        (AllowedOrigins::Any, Some("https://evil.example"), true),
        (AllowedOrigins::SameHost, Some("https://gw.example.com"), true),
        (AllowedOrigins::SameHost, Some("https://gw.example.com:8443"), false),
        (AllowedOrigins::SameHost, Some("http://gw.example.com"), false),
        (AllowedOrigins::SameHost, Some("https://evil.example"), false),
        (AllowedOrigins::SameHost, Some("null"), false),
        (list.clone(), Some("https://ui.example.com"), true),
        (list, Some("https://gw.example.com"), false),
    ];
    for (allowed, origin, passes) in rows {
        let scene = scene_with(|config| config.websocket.allowed_origins = allowed.clone()).await;
        let mut client = scene.connect(Via::Tls).await;
        let field = origin.map(|origin| format!("Origin: {origin}\r\n")).unwrap_or_default();
        client.write(UPGRADE.replace("Accept:", &format!("{field}Accept:"))).await;
        if passes {
            let mut gateway = scene.accept().await;
            assert!(gateway.head().await.contains(&field.replace("Origin", "origin")));
            gateway.write(SWITCHED).await;
            assert!(client.head().await.starts_with("HTTP/1.1 101 "), "{allowed:?} {origin:?}");
        } else {
            let answer = client.answer().await;
            assert!(answer.starts_with("HTTP/1.1 403 "), "{allowed:?} {origin:?}: {answer}");
            assert!(answer.contains("\"origin_not_allowed\""), "{answer}");
            // The next connection to the gateway is another client's.
            scene.round_trip().await;
        }
    }
}
