//! Other routes while clients are connected.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use super::{called, get, upgrade};
use crate::harness::{Binary, Gateway, Reserved, binary, dial, gateway};
use crate::websocket::frame::Frame;
use crate::websocket::peer::{Peer, SWITCHED};

const LISTEN: &str = r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#;

/// A gateway that grants every WebSocket and gives every text back.
async fn echoing() -> Gateway {
    gateway()
        .playing(|mut connection| async move {
            connection.request().await;
            connection.send(SWITCHED).await;
            while let Some(head) = connection.try_exactly(2).await {
                let body = connection.exactly(4 + usize::from(head[1] & 0x7f)).await;
                let text: Vec<u8> =
                    body[4..].iter().zip(body[..4].iter().cycle()).map(|(byte, key)| byte ^ key).collect();
                connection.send(Frame::new(head[0], text).bare()).await;
            }
        })
        .await
}

async fn take_over(binary: &mut Binary, lines: &str) {
    let line = replace(binary, lines).await;
    assert_eq!(line["message"], "configuration reloaded", "{line}");
}

/// What is said of these lines in the place of its routes.
async fn replace(binary: &mut Binary, lines: &str) -> Value {
    let file = binary.config_file();
    let kept = fs::read_to_string(&file).expect("the configuration");
    let head = kept.split("routes:").next().expect("what comes before the routes");
    let next = file.with_extension("next");
    fs::write(&next, format!("{head}{lines}\n")).expect("a file");
    fs::rename(&next, &file).expect("another configuration");
    // frontgate may also see the change by itself.
    binary.signal(Signal::HUP);
    binary.line(|line| line["trigger"] == "SIGHUP").await
}

async fn open(binary: &Binary, host: &str, target: &str) -> Peer {
    let mut client = Peer::new(dial(binary.plain.expect("a plain listener")).await);
    client.write(upgrade(host, target, "")).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    client
}

async fn echo(client: &mut Peer, text: &str) {
    client.write(Frame::text(text).masked()).await;
    client.expect(Frame::text(text).bare()).await;
}

#[tokio::test]
async fn a_live_websocket_keeps_its_connection_and_its_routes_settings() {
    let (echoing, one, two) = (echoing().await, called("one").await, called("two").await);
    let lab = format!("routes: [{{ path: /lab, upstream: '{}', timeouts: {{ read: 1h }} }}, {{}}]", echoing.upstream);
    let mut binary =
        binary().upstream(&one).config(LISTEN).config("websocket: { ping_interval: off }").config(&lab).start().await;
    let mut live = open(&binary, "gw", "/lab").await;
    echo(&mut live, "before").await;
    let mut client = binary.plain_client().await;
    let mut asks = async |target: &str| {
        client.send(get("gw", target)).await;
        let answer = client.response().await;
        (answer.status(), answer.body_text())
    };
    assert_eq!(asks("/").await, (200, "one".into()));

    // Its route leads elsewhere, with a read timeout that would end it at once.
    let elsewhere = format!(
        "routes: [{{ path: /lab, upstream: '{}', timeouts: {{ read: 1ms }}, respond: ~ }}, {{}}]",
        two.upstream
    );
    take_over(&mut binary, &elsewhere).await;
    echo(&mut live, "moved").await;
    // Then there is no such route at all, and what the connection asks for is seen by the new ones.
    take_over(&mut binary, &format!("routes: [{{ path: /two, upstream: '{}' }}]", two.upstream)).await;
    echo(&mut live, "gone").await;
    assert_eq!(asks("/two").await, (200, "two".into()));
    assert_eq!(asks("/lab").await.0, 404);
    assert_eq!(asks("/").await.0, 404);
    take_over(&mut binary, "routes: [{ respond: 410 }]").await;
    assert_eq!(asks("/two").await, (410, "410 Gone\n".into()));
    // A wrong one changes nothing.
    let refused = replace(&mut binary, "routes: [{ upstream: nowhere }]").await;
    assert!(refused["error"].to_string().contains("`nowhere` is not in `upstreams`"), "{refused}");
    assert_eq!(asks("/two").await.0, 410);
    echo(&mut live, "still there").await;
    live.write(Frame::close(1000, "").masked()).await;
    let line = binary.line(|line| line["message"] == "websocket").await;
    assert_eq!((&line["route"], &line["upstream"]), (&"/lab".into(), &echoing.upstream.to_string().into()), "{line}");
    assert_eq!(echoing.connections(), 1);
}

#[tokio::test]
async fn a_gateway_that_stays_keeps_its_connections_and_a_request_that_waits_for_one_goes_on_waiting() {
    let (one, down) = (called("one").await, Reserved::new());
    let routes = |rest: &str| {
        format!(
            "routes: [{{ path: /down, upstream: '{}' }}, {rest}{{ upstream: '{}' }}]",
            down.upstream(),
            one.upstream
        )
    };
    let mut binary = binary().config(LISTEN).config(&routes("")).start().await;
    let mut client = binary.plain_client().await;
    let mut waiting = binary.plain_client().await;
    client.send(get("gw", "/")).await;
    assert_eq!(client.response().await.body_text(), "one");
    waiting.send(get("gw", "/down")).await;
    binary.line(|line| line["message"] == "the gateway is down; requests wait for it").await;
    let changed = routes("{ path: /other, respond: 404, response_headers: { set: { X-A: b } } }, ");
    take_over(&mut binary, &changed).await;
    client.send(get("gw", "/")).await;
    assert_eq!(client.response().await.body_text(), "one");
    assert_eq!(one.connections(), 1, "the connection to it is used again");
    client.send(get("gw", "/other")).await;
    assert_eq!(client.response().await.field("x-a").as_deref(), Some("b"));
    let _back = gateway().at(down).answering("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nback").await;
    assert_eq!(waiting.response().await.body_text(), "back");
}
