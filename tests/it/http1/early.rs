//! Answers that do not wait for the body of their request: the client finds them, though it is still sending.

#![expect(clippy::unwrap_used, reason = "what these helpers cannot do ends the test")]

use std::time::Duration;

use frontgate::config::Config;

use super::{GET, OK};
use crate::harness::{Connection, End, Proxy, Wire, gateway, proxy};

const KIB: usize = 1024;

/// Answers of our own to `/no` and `/login`, and of the gateway's to `/early`.
async fn scene() -> (Proxy, crate::harness::Gateway) {
    let gateway = gateway()
        .playing(|mut connection: Connection| async move {
            loop {
                let head = connection.head().await;
                if head.starts_with("POST /early") {
                    connection.send("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno").await;
                    connection.rest().await;
                    return;
                }
                connection.send(OK).await;
            }
        })
        .await;
    let hash = bcrypt::hash_with_salt("hush", 4, [7; 16]).unwrap().to_string();
    let routes = format!(
        "
routes:
  - {{ path: /no, respond: 403 }}
  - {{ path: /login, auth: {{ basic: {{ ann: '{hash}' }} }} }}
  - {{}}
"
    );
    let proxy = proxy().upstream(&gateway).routes(&routes).plain().start().await;
    (proxy, gateway)
}

const ROWS: [(&str, u16); 3] = [("/no", 403), ("/login", 401), ("/early", 403)];

async fn both(proxy: &Proxy) -> [Wire; 2] {
    [proxy.client().await, proxy.plain_client().await]
}

/// Sends all of the body before it reads a byte, as many clients do.
async fn upload(client: &mut Wire, target: &str, size: usize, chunked: bool) {
    let framing = if chunked { "Transfer-Encoding: chunked".to_owned() } else { format!("Content-Length: {size}") };
    client.send(format!("POST {target} HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n")).await;
    let mut left = size;
    while left > 0 {
        let piece = left.min(64 * KIB);
        left -= piece;
        let data = "x".repeat(piece);
        client.send(if chunked { format!("{piece:x}\r\n{data}\r\n") } else { data }).await;
    }
    if chunked {
        client.send("0\r\n\r\n").await;
    }
}

#[tokio::test]
async fn the_answer_is_found_behind_a_body_of_any_size_and_the_connection_goes_on() {
    let (proxy, _gateway) = scene().await;
    for size in [1, 10 * KIB, 64 * KIB, 65 * KIB, 5 << 20] {
        for chunked in [false, true] {
            for (target, expected) in ROWS {
                for mut client in both(&proxy).await {
                    upload(&mut client, target, size, chunked).await;
                    let name = format!("{target} {size} {chunked}");
                    assert_eq!(client.response().await.status(), expected, "{name}");
                    client.send(GET).await;
                    assert_eq!(client.response().await.body_text(), "ok", "{name}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_does_not_hide_the_413() {
    let gateway = gateway().answering(OK).await;
    let limited = |config: &mut Config| config.limits.request_body = Some(1 << 20);
    let proxy = proxy().upstream(&gateway).config(limited).plain().start().await;
    for chunked in [false, true] {
        for mut client in both(&proxy).await {
            upload(&mut client, "/", 6 << 20, chunked).await;
            assert_eq!(client.response().await.status(), 413, "{chunked}");
            client.send(GET).await;
            assert_eq!(client.response().await.body_text(), "ok", "{chunked}");
        }
    }
    let mut client = proxy.client().await;
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2000000\r\n\r\n").await;
    assert_eq!(client.response().await.status(), 413);
}

#[tokio::test]
async fn a_body_that_never_ends_does_not_keep_the_answer() {
    let (proxy, _gateway) = scene().await;
    for (target, expected) in ROWS {
        for framing in ["Content-Length: 1000000", "Content-Length: 99999999999", "Transfer-Encoding: chunked"] {
            let mut client = proxy.client().await;
            client.send(format!("POST {target} HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n")).await;
            assert_eq!(client.response().await.status(), expected, "{target} {framing}");
        }
    }
    // Where a body is longer than what is ever thrown away, the answer announces the end of the connection.
    let mut client = proxy.client().await;
    client.send("POST /no HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n").await;
    assert_eq!(client.response().await.field("connection").as_deref(), Some("close"));
}

#[tokio::test]
async fn a_small_body_is_waited_for_but_not_for_ever() {
    let (proxy, _gateway) = scene().await;
    let mut client = proxy.client().await;
    client.send("POST /no HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!client.has_more().await, "it is taken in whole first");
    let mut impatient = proxy.client().await;
    impatient.send("POST /no HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf").await;
    client.send("enough").await;
    assert_eq!(client.response().await.status(), 403);
    assert_eq!(impatient.response().await.status(), 403, "after a while");
}

#[tokio::test]
async fn a_client_that_waits_to_be_asked_for_a_body_is_not_asked_where_it_is_not_wanted() {
    let (proxy, _gateway) = scene().await;
    let head = |target: &str, length: usize| {
        format!("POST {target} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n")
    };
    for (target, length, expected) in [("/no", 5, 403), ("/login", 5, 401), ("/no", 1 << 20, 403)] {
        for mut client in both(&proxy).await {
            client.send(head(target, length)).await;
            let answer = client.response().await;
            assert_eq!(answer.status(), expected, "{target}");
            // What follows could be the body or the next request.
            assert_eq!(answer.field("connection").as_deref(), Some("close"), "{target}");
            assert_eq!(client.closed().await, End::Clean, "{target}");
        }
    }
    // A client that does not wait sends a body like any other.
    let mut client = proxy.client().await;
    client.send(head("/no", 5) + "hello").await;
    assert_eq!(client.response().await.status(), 403);
    client.send(GET).await;
    assert_eq!(client.response().await.body_text(), "ok");
}
