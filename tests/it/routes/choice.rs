//! Which gateway a request gets to.

use super::{called, get, upgrade};
use crate::harness::{Gateway, binary, dial, gateway, proxy};
use crate::websocket::frame::Frame;
use crate::websocket::peer::{Peer, SWITCHED};

#[tokio::test]
async fn a_request_gets_to_the_gateway_of_the_first_route_that_matches() {
    let (mut one, mut two, mut three) = (called("one").await, called("two").await, called("three").await);
    let proxy = proxy()
        .upstream(&one)
        .routes(&format!(
            "
routes:
  - {{ path: /deep, upstream: '{two}' }}
  - {{ host: '*.example.com', upstream: '{three}' }}
  - {{ host: gw.example.com, path: /deep/er, upstream: team }}
  - {{ host: gw.example.com }}
  - {{ path: /gone, respond: {{ status: 410, body: \"moved on\" }} }}
  - {{ path: /old, respond: {{ status: 302, location: /openclaw/ }} }}
upstreams: {{ team: {{ endpoints: ['{two}'] }} }}
",
            two = two.upstream,
            three = three.upstream,
        ))
        .plain()
        .start()
        .await;
    let mut client = proxy.plain_client().await;
    for (host, target, expected) in [
        ("gw.example.com", "/", "one"),
        ("GW.example.COM:8443", "/deep?x", "one"),
        ("gw.example.com", "/deep/er", "two"),
        ("gw.example.com", "/deep//er/../er?q=%2F", "two"),
        ("a.example.com", "/deep", "three"),
        ("elsewhere", "/deep", "two"),
        ("elsewhere", "/deep/", "two"),
    ] {
        client.send(get(host, target)).await;
        assert_eq!(client.response().await.body_text(), expected, "{host} {target}");
        let gateway = match expected {
            "one" => &mut one,
            "two" => &mut two,
            _ => &mut three,
        };
        let request = gateway.request().await;
        assert_eq!(request.target(), target.as_bytes(), "the target goes on as it came");
        assert_eq!(request.field("host").as_deref(), Some(host));
    }
    for (target, expected, body) in [
        ("/", 404, "404 There is nothing here\n"),
        ("/deeper", 404, "404 There is nothing here\n"),
        ("/gone/x", 410, "moved on"),
        ("/old", 302, ""),
    ] {
        client.send(get("elsewhere", target)).await;
        let answer = client.response().await;
        assert_eq!(answer.status(), expected, "{target}");
        assert!(answer.body_text().starts_with(body), "{target}: {}", answer.body_text());
        assert_eq!(answer.field("location").is_some(), expected == 302, "{target}");
    }
    client.send("HEAD /gone HTTP/1.1\r\nHost: elsewhere\r\n\r\n").await;
    let answer = client.response_to_head().await;
    assert_eq!((answer.status(), answer.body_text().as_str()), (410, ""));
}

#[tokio::test]
async fn a_request_over_http2_gets_there_too() {
    let (one, two) = (called("one").await, called("two").await);
    let routes =
        format!("routes: [{{ path: /two, upstream: '{}' }}, {{ path: /no, respond: 403 }}, {{}}]", two.upstream);
    let proxy = proxy().upstream(&one).routes(&routes).start().await;
    let mut client = proxy.http2().await;
    for (target, status, body) in [("/two/x", 200, "two"), ("/", 200, "one"), ("/no", 403, "403 Forbidden\n")] {
        let answer = client.get(&format!("https://localhost{target}")).await;
        assert_eq!((answer.status, &answer.body[..]), (status, body.as_bytes()), "{target}");
    }
}

#[tokio::test]
async fn no_client_gets_round_a_route_that_responds() {
    let mut open = called("open").await;
    let proxy = proxy().upstream(&open).routes("routes: [{ path: /private, respond: 404 }, {}]").plain().start().await;
    for (target, expected) in [
        ("/private", 404),
        ("/private?x", 404),
        ("/%70rivate", 404),
        ("//private", 404),
        ("/./private", 404),
        ("/public/../private", 404),
        ("/public/%2e%2e/private", 404),
        ("/public%2f..%2fprivate/x", 404),
        ("/public\\..\\private", 404),
        ("http://gw.example.com/private", 404),
        ("http://gw.example.com//private", 404),
        ("//evil/private", 400),
        ("/private/..%2fpublic", 400),
        ("/public/..;/private", 400),
    ] {
        let mut client = proxy.plain_client().await;
        client.send(get("gw.example.com", target)).await;
        assert_eq!(client.response().await.status(), expected, "{target}");
        let mut client = proxy.plain_client().await;
        client.send(upgrade("gw.example.com", target, "")).await;
        assert_eq!(client.response().await.status(), expected, "{target}, for a WebSocket");
    }
    let mut http2 = proxy.http2().await;
    for (target, expected) in [("/%70rivate", 404), ("/x/%2e%2e/private", 404), ("//private", 404)] {
        assert_eq!(http2.get(&format!("https://localhost{target}")).await.status, expected, "{target}");
    }
    assert_eq!(open.unexpected(), None);
    let mut client = proxy.plain_client().await;
    client.send(get("gw.example.com", "/privateer/%2e%2e/x;y")).await;
    assert_eq!(client.response().await.body_text(), "open");
    assert_eq!(open.request().await.target(), b"/privateer/%2e%2e/x;y");
}

#[tokio::test]
async fn a_websocket_goes_where_its_route_leads_and_the_log_names_the_route() {
    let (one, two) = (called("one").await, talking().await);
    let routes = format!("routes: [{{ host: lab.example.com, path: /ws, upstream: '{}' }}, {{}}]", two.upstream);
    let mut binary = binary()
        .upstream(&one)
        .config(r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#)
        .config(&routes)
        .start()
        .await;
    let mut client = Peer::new(dial(binary.plain.expect("a plain listener")).await);
    client.write(upgrade("lab.example.com", "/ws", "")).await;
    assert!(client.head().await.starts_with("HTTP/1.1 101 "));
    client.expect(Frame::text("hello").bare()).await;
    client.vanish();
    assert_eq!(binary.line(|line| line["message"] == "request").await["route"], "lab.example.com/ws");
    assert_eq!(binary.line(|line| line["message"] == "websocket").await["route"], "lab.example.com/ws");
    let mut client = binary.plain_client().await;
    client.send(get("lab.example.com", "/")).await;
    assert_eq!(client.response().await.body_text(), "one");
    assert_eq!(binary.access().await["route"], "*");
}

/// A gateway that grants a WebSocket and says hello.
async fn talking() -> Gateway {
    gateway()
        .playing(|mut connection| async move {
            connection.request().await;
            connection.send([SWITCHED.as_bytes(), &Frame::text("hello").bare()].concat()).await;
            connection.closed().await;
        })
        .await
}
