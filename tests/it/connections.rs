//! Connections on both sides: what keeps them, what ends them, and what is asked again.

use std::time::Duration;

use http::Request;

use crate::harness::{Connection, End, binary, empty, gateway, proxy};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[tokio::test]
async fn both_sides_are_kept_for_the_next_request() {
    let gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    for _ in 0..2 {
        let mut client = proxy.client().await;
        for _ in 0..3 {
            client.send(GET).await;
            assert_eq!(client.response().await.status(), 200);
        }
    }
    let mut two = proxy.http2().await;
    assert_eq!(two.get("https://localhost/").await.status, 200);
    assert_eq!(gateway.connections(), 1, "one after the other, whichever client asks");
}

#[tokio::test]
async fn a_connection_to_the_gateway_is_given_up_before_the_gateway_does_so() {
    let gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    client.send(GET).await;
    assert_eq!(client.response().await.status(), 200);
    // The gateway's own limit is 5 s, frontgate's is 4 s.
    tokio::time::sleep(Duration::from_millis(4100)).await;
    assert_eq!(gateway.connections(), 1);
    client.send(GET).await;
    assert_eq!(client.response().await.status(), 200);
    assert_eq!(gateway.connections(), 2);
}

/// Connection 0 answers once, and ends without an answer when it is used again; the others answer.
async fn forgetful(mut connection: Connection) {
    connection.request().await;
    connection.send(OK).await;
    while connection.request().await.is_some() && connection.number > 0 {
        connection.send(OK).await;
    }
}

#[tokio::test]
async fn what_may_be_asked_twice_is_when_a_kept_connection_ends_under_it() {
    let rows = [
        ("GET", "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        ("HEAD", "HEAD /x HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        ("DELETE", "DELETE /x HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        ("POST", "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi", 502),
        ("POST without a body", "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 502),
        ("PUT with a body that is gone", "PUT /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi", 502),
        ("an unknown method", "FROB /x HTTP/1.1\r\nHost: localhost\r\n\r\n", 502),
    ];
    for (name, request, expected) in rows {
        let mut gateway = gateway().playing(forgetful).await;
        let proxy = proxy().upstream(&gateway).start().await;
        let mut client = proxy.client().await;
        client.send(GET).await;
        assert_eq!(client.response().await.status(), 200);
        gateway.request().await;

        client.send(request).await;
        let response = if name == "HEAD" { client.response_to_head().await } else { client.response().await };
        assert_eq!(response.status(), expected, "{name}: {}", response.text());
        let first = gateway.request().await;
        if expected == 200 {
            assert_eq!(gateway.request().await.raw, first.raw, "{name} is asked again as it was");
            assert_eq!(gateway.connections(), 2, "{name}");
        } else {
            assert!(response.body_text().contains("code: gateway_closed\n"), "{name}: {}", response.text());
            assert_eq!((gateway.unexpected(), gateway.connections()), (None, 1), "{name}");
        }
    }
}

#[tokio::test]
async fn a_fresh_connection_that_ends_is_not_tried_again_unless_the_request_may_wait() {
    let gateway = gateway().playing(|mut connection| async move { drop(connection.request().await) }).await;
    let post = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi";
    for (request, hold) in [(GET, None), (post, Some(Duration::from_secs(12)))] {
        let before = gateway.connections();
        let proxy = proxy().upstream(&gateway).config(|config| config.hold = hold).start().await;
        let mut client = proxy.client().await;
        client.send(request).await;
        assert_eq!(client.response().await.status(), 502);
        assert_eq!(gateway.connections(), before + 1);
    }
}

#[tokio::test]
async fn the_gateway_is_reached_over_http_https_and_unix() {
    for gateway in [
        gateway().answering(OK).await,
        gateway().over_tls().answering(OK).await,
        gateway().over_unix().answering(OK).await,
    ] {
        let proxy = binary().upstream(&gateway).start().await;
        let mut client = proxy.client().await;
        for _ in 0..2 {
            client.send(GET).await;
            let response = client.response().await;
            assert_eq!(response.status(), 200, "{}: {}", gateway.upstream, response.text());
        }
        assert_eq!(gateway.connections(), 1, "{}", gateway.upstream);
    }
}

#[tokio::test]
async fn requests_sent_at_once_are_answered_in_order() {
    let gateway = gateway()
        .playing(|mut connection| async move {
            while let Some(request) = connection.request().await {
                let target = String::from_utf8_lossy(request.target()).into_owned();
                connection.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{target}", target.len())).await;
            }
        })
        .await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    let requests: Vec<_> =
        (0..5).map(|n| format!("POST /{n} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx")).collect();
    client.send(requests.concat()).await;
    for n in 0..5 {
        assert_eq!(client.response().await.body_text(), format!("/{n}"));
    }
}

#[tokio::test]
async fn http_1_0_is_answered_as_it_can_read() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let mut gateway = gateway().answering(chunked).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n").await;
    let response = client.response().await;
    assert_eq!((response.status(), response.body_text().as_str()), (200, "ok"));
    assert_eq!(response.field("transfer-encoding"), None);
    assert_eq!(client.closed().await, End::Clean);
    assert_eq!(gateway.request().await.head(), "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
}

#[tokio::test]
async fn http_1_0_may_keep_its_connection() {
    let gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n").await;
        let response = client.response().await;
        assert_eq!(response.field("connection").as_deref(), Some("keep-alive"), "{}", response.head());
    }
}

#[tokio::test]
async fn close_concerns_the_side_that_said_it() {
    let mut gateway = gateway()
        .answering("HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\nok")
        .await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    for connections in [1, 2] {
        client.send(GET).await;
        let response = client.response().await;
        assert_eq!((response.field("connection"), response.field("x-hop")), (None, None), "{}", response.head());
        assert_eq!(gateway.connections(), connections);
        gateway.request().await;
    }
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert_eq!(client.response().await.field("connection").as_deref(), Some("close"));
    assert_eq!(client.closed().await, End::Clean);
    assert_eq!(gateway.request().await.head(), "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
}

#[tokio::test]
async fn answers_without_a_body_keep_their_fields_and_the_connection() {
    let rows = [
        ("HEAD / HTTP/1.1", "HTTP/1.1 200 OK\r\nContent-Length: 4096\r\nETag: \"a\"\r\n\r\n", "Content-Length", "4096"),
        ("HEAD / HTTP/1.1", "HTTP/1.1 200 OK\r\nETag: \"a\"\r\n\r\n", "ETag", "\"a\""),
        ("GET / HTTP/1.1", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", "ETag", "\"a\""),
        ("GET / HTTP/1.1", "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n", "X-A", "1"),
        ("GET / HTTP/1.1", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: 1\r\n\r\n", "X-A", "1"),
    ];
    for (line, answer, field, value) in rows {
        let gateway = gateway()
            .playing(move |mut connection| async move {
                while connection.request().await.is_some() {
                    connection.send(answer).await;
                }
            })
            .await;
        let proxy = proxy().upstream(&gateway).start().await;
        let mut client = proxy.client().await;
        for _ in 0..2 {
            client.send(format!("{line}\r\nHost: localhost\r\n\r\n")).await;
            let head = client.head().await;
            let first = answer.split("\r\n").next().unwrap();
            assert!(head.starts_with(&format!("{first}\r\n")), "{head}");
            assert!(head.contains(&format!("{}: {value}\r\n", field.to_ascii_lowercase())), "{head}");
            assert!(!head.contains("chunked"), "{head}");
        }
        assert_eq!(gateway.connections(), 1, "{answer}");

        let mut two = proxy.http2().await;
        let method = line.split(' ').next().unwrap();
        let answer = two.ask(Request::builder().method(method).uri("https://localhost/").body(empty()).unwrap()).await;
        assert_eq!((answer.headers[field].as_bytes(), answer.body.len()), (value.as_bytes(), 0));
    }
}

#[tokio::test]
async fn a_client_may_wait_to_be_asked_for_its_body() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").await;
    assert_eq!(client.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello").await;
    assert_eq!(client.response().await.status(), 200);
    assert_eq!(gateway.request().await.body_text(), "hello");
}

#[tokio::test]
async fn an_interim_answer_does_not_break_the_final_one() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
    let gateway = gateway().answering(format!("{interim}{OK}")).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    for _ in 0..2 {
        client.send(GET).await;
        let mut response = client.response().await;
        while response.status() < 200 {
            response = client.response().await;
        }
        assert_eq!((response.status(), response.body_text().as_str()), (200, "ok"));
    }
    assert_eq!(proxy.http2().await.get("https://localhost/").await.status, 200);
    assert_eq!(gateway.connections(), 1);
}

#[tokio::test]
async fn an_answer_passes_as_it_came_but_for_the_case_of_names() {
    let answer = "HTTP/1.1 299 Whatever You Like\r\nSERVER: x\r\nSet-Cookie: a=1\r\nx-Mixed: gr\u{fc}n\r\nSet-Cookie: b=2\r\n\
                  Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nX-Request-Id: theirs\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok";
    let gateway = gateway().answering(answer).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    client.send(GET).await;
    assert_eq!(
        client.response().await.text(),
        "HTTP/1.1 299 Whatever You Like\r\nserver: x\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nx-mixed: gr\u{fc}n\r\n\
         date: Thu, 01 Jan 1970 00:00:00 GMT\r\nx-request-id: theirs\r\ncontent-length: 2\r\n\r\nok"
    );
}
