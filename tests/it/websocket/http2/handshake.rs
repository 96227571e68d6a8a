//! The opening handshake: the gateway gets that of HTTP/1.1, the client of HTTP/2 its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::frame::Frame;
use super::super::peer::{SWITCHED, switched};
use super::super::scene::scene;
use super::Client;
use crate::harness::in_lower_case;

#[tokio::test]
async fn the_gateway_gets_the_handshake_of_http_1_and_the_client_the_one_of_http_2() {
    let scene = scene().await;
    let mut client = Client::connect(&scene.proxy).await;
    let asked = client.ask(
        "/openclaw//a/../b%2Fc;d?token=s&x=1&x=%2f&+?",
        &[
            ("sec-websocket-version", "13"),
            // Over HTTP/2 there is no key.
            ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="),
            ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits, x-other;p=\"a, b\""),
            ("sec-websocket-extensions", "x-third"),
            ("sec-websocket-protocol", "openclaw.v1, token.abc"),
            ("origin", "https://localhost:8443"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
            ("x-forwarded-for", "127.0.0.1"),
            ("user-agent", "\"odd\"  two spaces"),
        ],
    );
    let mut gateway = scene.accept().await;
    let head = gateway.head().await;
    let (_, rest) = head.split_once("sec-websocket-key: ").expect("a key");
    let (key, _) = rest.split_once("\r\n").unwrap();
    assert_eq!(STANDARD.decode(key).unwrap().len(), 16);
    assert_ne!(key, "AAAAAAAAAAAAAAAAAAAAAA==");
    let expected = "GET /openclaw//a/../b%2Fc;d?token=s&x=1&x=%2f&+? HTTP/1.1\r\n\
         host: localhost\r\n\
         sec-websocket-version: 13\r\n\
         sec-websocket-key: KEY\r\n\
         sec-websocket-extensions: permessage-deflate; client_max_window_bits, x-other;p=\"a, b\"\r\n\
         sec-websocket-extensions: x-third\r\n\
         sec-websocket-protocol: openclaw.v1, token.abc\r\n\
         origin: https://localhost:8443\r\n\
         cookie: a=1; b=2\r\n\
         user-agent: \"odd\"  two spaces\r\n\
         x-forwarded-for: 127.0.0.1\r\n\
         x-real-ip: 127.0.0.1\r\n\
         x-forwarded-proto: https\r\n\
         x-forwarded-host: localhost\r\n\
         x-forwarded-port: 443\r\n\
         connection: Upgrade\r\n\
         upgrade: websocket\r\n\r\n";
    assert_eq!(in_lower_case(&head.replace(key, "KEY")), in_lower_case(expected));
    let answer = switched(&head).replace(
        "Upgrade: websocket\r\n",
        "Upgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\
         Sec-WebSocket-Protocol: openclaw.v1\r\nSet-Cookie: session=1\r\nSet-Cookie: other=2\r\nKeep-Alive: timeout=5\r\n\
         Content-Length: 0\r\n",
    );
    gateway.write(answer).await;
    let (_, fields) = asked.granted().await;
    let values = |name: &str| fields.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
    let rows: [(&str, &[&str]); 9] = [
        ("sec-websocket-extensions", &["permessage-deflate; server_no_context_takeover"]),
        ("sec-websocket-protocol", &["openclaw.v1"]),
        ("set-cookie", &["session=1", "other=2"]),
        ("sec-websocket-accept", &[]),
        ("connection", &[]),
        ("upgrade", &[]),
        ("keep-alive", &[]),
        ("content-length", &[]),
        ("transfer-encoding", &[]),
    ];
    for (name, expected) in rows {
        assert_eq!(values(name), expected, "{name}");
    }
}

#[tokio::test]
async fn what_a_client_sends_behind_its_handshake_waits_for_the_grant_and_goes_first() {
    let scene = scene().await;
    let mut client = Client::connect(&scene.proxy).await;
    let (first, second) = (Frame::text("first").masked(), Frame::binary(vec![7; 200_000]).masked());
    let mut asked = client.ask("/", &[]);
    super::write(&mut asked.send, &first).await;
    let mut gateway = scene.accept().await;
    let head = gateway.head().await;
    // As much as fits into the window of the stream, which is not read yet.
    super::write(&mut asked.send, &second).await;
    scene.round_trip().await;
    assert_eq!(gateway.at_hand().await, b"");
    let challenge = Frame::text(r#"{"event":"connect.challenge"}"#).bare();
    gateway.write([switched(&head).as_bytes(), &challenge].concat()).await;
    gateway.expect([first, second].concat()).await;
    let (mut socket, _) = asked.granted().await;
    socket.expect(&challenge).await;
}

#[tokio::test]
async fn what_is_no_grant_is_the_answer_that_it_is_and_never_an_open_stream() {
    let scene = scene().await;
    let mut client = Client::connect(&scene.proxy).await;
    let page = |status: &str| format!("HTTP/1.1 {status}\r\nX-Of: gateway\r\nContent-Length: 2\r\n\r\nno");
    // The gateway's answer; the status and whether it is the gateway's own.
    let rows = [
        (page("401 Unauthorized"), 401, true),
        (page("403 Forbidden"), 403, true),
        (page("426 Upgrade Required"), 426, true),
        (page("503 Starting"), 503, true),
        (page("302 Found"), 302, true),
        // A client would take these for an open WebSocket.
        (page("200 OK"), 502, false),
        ("HTTP/1.1 204 No Content\r\n\r\n".to_owned(), 502, false),
        // The answer to another key.
        (SWITCHED.to_owned(), 502, false),
        (SWITCHED.replace("Upgrade: websocket", "Upgrade: h2c"), 502, false),
    ];
    for (answer, expected, is_gateways) in rows {
        let mut asked = client.ask("/", &[("sec-websocket-version", "13")]);
        // It may have sent something already.
        super::write(&mut asked.send, &Frame::text("early").masked()).await;
        let mut gateway = scene.accept().await;
        gateway.head().await;
        gateway.write(&answer).await;
        let (status, fields, body) = asked.refused().await;
        assert_eq!((status, fields.contains_key("x-of")), (expected, is_gateways), "{answer}");
        assert_eq!(body == b"no", is_gateways, "{answer}");
    }
    client.open(&scene).await;
}
