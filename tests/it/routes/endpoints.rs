//! Gateways that stand in for each other.

use super::{called, get, upgrade};
use crate::harness::{Gateway, Reserved, binary, dial, gateway, proxy};
use crate::websocket::frame::Frame;
use crate::websocket::peer::{Peer, SWITCHED};

fn team(endpoints: &[String], balance: &str) -> String {
    let endpoints = endpoints.join(", ");
    format!(
        "routes: [{{ upstream: team }}]\nupstreams: {{ team: {{ endpoints: [{endpoints}], balance: {balance} }} }}\n"
    )
}

fn at(gateway: &Gateway) -> String {
    format!("'{}'", gateway.upstream)
}

#[tokio::test]
async fn requests_go_round() {
    let (one, two, three) = (called("one").await, called("two").await, called("three").await);
    let routes = team(&[at(&one), at(&two), at(&three)], "round_robin");
    let proxy = proxy().routes(&routes).plain().start().await;
    let mut client = proxy.plain_client().await;
    let mut bodies = Vec::new();
    for _ in 0..9 {
        client.send(get("gw", "/")).await;
        bodies.push(client.response().await.body_text());
    }
    for name in ["one", "two", "three"] {
        assert_eq!(bodies.iter().filter(|body| *body == name).count(), 3, "{bodies:?}");
    }
    assert!(bodies.windows(2).all(|pair| pair[0] != pair[1]), "{bodies:?}");
}

#[tokio::test]
async fn a_refused_request_is_sent_to_another_endpoint_and_the_one_that_is_back_gets_work() {
    let (one, down) = (called("one").await, Reserved::new());
    let routes = team(&[format!("'{}'", down.upstream()), at(&one)], "round_robin");
    let mut binary =
        binary().config(r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#).config(&routes).start().await;
    let mut client = binary.plain_client().await;
    for _ in 0..4 {
        client.send("POST / HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\n\r\nhi").await;
        assert_eq!(client.response().await.body_text(), "one");
        let line = binary.access().await;
        assert_eq!(line["upstream"], one.upstream.to_string(), "{line}");
        assert_eq!(line["held_ms"], serde_json::Value::Null, "no request waits while one is up");
    }
    let said = binary.printed();
    assert_eq!(said.matches("a gateway failed; others stand in for it").count(), 1, "{said}");
    let two = gateway().at(down).answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo").await;
    binary_gets(&mut client, "two").await;
    binary.line(|line| line["message"] == "the gateway is back").await;
    assert!(two.connections() > 0);
}

/// Asks until an answer is `expected`: the one that was down is left alone for a while.
async fn binary_gets(client: &mut crate::harness::Wire, expected: &str) {
    crate::harness::within("an answer of the one that is back", async {
        loop {
            client.send(get("gw", "/")).await;
            if client.response().await.body_text() == expected {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn one_that_hangs_up_is_no_outage_while_another_answers() {
    let cutting = gateway().playing(|connection| async move { drop(connection) }).await;
    let one = called("one").await;
    let routes = team(&[at(&cutting), at(&one)], "round_robin");
    let proxy = proxy().routes(&routes).config(|config| config.hold = None).plain().start().await;
    let mut client = proxy.plain_client().await;
    for _ in 0..4 {
        client.send(get("gw", "/")).await;
        assert_eq!(client.response().await.body_text(), "one");
    }
    assert_eq!(cutting.connections(), 2, "one request, and the question whether it is ready; then it is left alone");
}

#[tokio::test]
async fn a_request_waits_when_all_are_down_and_passes_when_one_is_back() {
    let (a, b) = (Reserved::new(), Reserved::new());
    let routes = team(&[format!("'{}'", a.upstream()), format!("'{}'", b.upstream())], "round_robin");
    let mut binary =
        binary().config(r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#).config(&routes).start().await;
    let mut client = binary.plain_client().await;
    client.send(get("gw", "/")).await;
    binary.line(|line| line["message"] == "the gateway is down; requests wait for it").await;
    let _back = gateway().at(b).answering("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nback").await;
    assert_eq!(client.response().await.body_text(), "back");
    drop(a);
}

/// A gateway that grants every WebSocket and says its name.
async fn talking(name: &'static str) -> Gateway {
    gateway()
        .playing(move |mut connection| async move {
            connection.request().await;
            connection.send([SWITCHED.as_bytes(), &Frame::text(name).bare()].concat()).await;
            connection.closed().await;
        })
        .await
}

#[tokio::test]
async fn websockets_count_as_long_as_they_live() {
    let (one, two) = (talking("one").await, talking("two").await);
    let routes = team(&[at(&one), at(&two)], "least_connections");
    let mut binary =
        binary().config(r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#).config(&routes).start().await;
    let door = binary.plain.expect("a plain listener");
    let open = async || {
        let mut client = Peer::new(dial(door).await);
        client.write(upgrade("gw", "/", "")).await;
        assert!(client.head().await.starts_with("HTTP/1.1 101 "));
        let name = client.frame().await.payload;
        (client, String::from_utf8_lossy(&name).into_owned())
    };
    let mut all = Vec::new();
    for _ in 0..6 {
        all.push(open().await);
    }
    let count = |all: &[(Peer, String)], name: &str| all.iter().filter(|(_, own)| own == name).count();
    assert_eq!((count(&all, "one"), count(&all, "two")), (3, 3));
    // The WebSockets of one gateway go; the next ones all go there.
    let (gone, left): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, name)| name == "one");
    let mut all = left;
    for (client, _) in gone {
        client.vanish();
        let line = binary.line(|line| line["message"] == "websocket").await;
        assert_eq!(line["upstream"], one.upstream.to_string(), "{line}");
    }
    for _ in 0..3 {
        all.push(open().await);
    }
    assert_eq!((count(&all, "one"), count(&all, "two")), (3, 3));
}
