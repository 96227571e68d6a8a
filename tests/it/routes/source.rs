//! The addresses that connections to a gateway come from.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::HashSet;

use tokio::net::TcpListener;

use super::{get, upgrade};
use crate::harness::{Binary, Wire, binary, dial, within};
use crate::websocket::peer::{Peer, SWITCHED};

async fn start(endpoint: &str, source: &str) -> Binary {
    binary()
        .config(r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#)
        .config("admin: 127.0.0.1:0")
        .config(&format!(
            "routes: [{{ upstream: gw }}]\nupstreams: {{ gw: {{ endpoints: ['{endpoint}'], source: {source} }} }}"
        ))
        .start()
        .await
}

async fn metrics(proxy: &Binary) -> String {
    let mut operator = Wire::new(dial(proxy.admin.unwrap()).await);
    operator.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    operator.response().await.body_text()
}

#[tokio::test]
async fn websockets_come_from_the_least_used_address_and_are_counted_to_their_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let proxy = start(&endpoint, "[127.0.0.2, 127.0.0.3]").await;
    let (mut held, mut seen) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let mut client = Peer::new(dial(proxy.plain.unwrap()).await);
        client.write(upgrade("gw", "/", "")).await;
        let (stream, from) = within("a connection", listener.accept()).await.unwrap();
        let mut gateway = Peer::new(stream);
        gateway.head().await;
        gateway.write(SWITCHED).await;
        assert!(client.head().await.starts_with("HTTP/1.1 101 "));
        seen.push(from.ip().to_string());
        held.push((client, gateway));
    }
    assert_eq!(seen.iter().collect::<HashSet<_>>().len(), 2, "{seen:?}");
    let count =
        |source: &str| format!("frontgate_upstream_source_connections{{endpoint=\"{endpoint}\",source=\"{source}\"}} ");
    let text = metrics(&proxy).await;
    for source in ["127.0.0.2", "127.0.0.3"] {
        assert!(text.contains(&format!("{}2\n", count(source))), "{source}: {text}");
    }
    drop(held);
    within("the connections to be counted off", async {
        while !metrics(&proxy).await.contains(&format!("{}0\n", count("127.0.0.3"))) {}
    })
    .await;
}

#[tokio::test]
async fn when_no_address_has_a_port_left_the_client_gets_503_and_it_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // An address of the documentation's, which this machine does not have: it has no port for any endpoint.
    let mut proxy = start(&format!("http://{}", listener.local_addr().unwrap()), "[192.0.2.77]").await;
    let mut client = Wire::new(dial(proxy.plain.unwrap()).await);
    for _ in 0..2 {
        client.send(get("gw", "/")).await;
        let answer = client.response().await;
        assert_eq!((answer.status(), answer.field("retry-after").as_deref()), (503, Some("5")));
    }
    let line = proxy.line(|line| line["message"] == "a connection to the gateway lacks what it takes").await;
    assert_eq!(line["why"], "no_ports", "{line}");
    let text = metrics(&proxy).await;
    assert!(text.contains("frontgate_upstream_connect_failures_total{why=\"no_ports\"} 2\n"), "{text}");
    let of_it = format!("endpoint=\"http://{}\",why=\"no_ports\"", listener.local_addr().unwrap());
    assert!(text.contains(&format!("frontgate_upstream_endpoint_failures_total{{{of_it}}} 2\n")), "{text}");
}
