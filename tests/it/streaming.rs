//! Bodies: nothing is held back, nothing is kept, and what breaks off does not look whole.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::sync::Notify;

use crate::harness::{Connection, Gateway, binary, empty, gateway, proxy, within};

const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A gateway that sends an event each time it is told to.
async fn events(next: &Arc<Notify>) -> Gateway {
    let next = Arc::clone(next);
    let script = move |mut connection: Connection| {
        let next = Arc::clone(&next);
        async move {
            connection.request().await;
            connection.send(CHUNKED).await;
            for number in 0.. {
                next.notified().await;
                let event = format!("data: {number}\n\n");
                connection.send(format!("{:x}\r\n{event}\r\n", event.len())).await;
            }
        }
    };
    gateway().playing(script).await
}

#[tokio::test]
async fn each_event_arrives_before_the_next_is_sent() {
    let next = Arc::new(Notify::new());
    let gateway = events(&next).await;
    let proxy = proxy().upstream(&gateway).start().await;

    let mut one = proxy.client().await;
    one.send(GET).await;
    assert!(one.head().await.starts_with("HTTP/1.1 200 OK\r\n"), "the head comes before the first event");
    for number in 0..3 {
        next.notify_one();
        assert_eq!(one.until(b"\n\n\r\n").await, format!("9\r\ndata: {number}\n\n\r\n").as_bytes());
    }
    drop(one);

    let next = Arc::new(Notify::new());
    let gateway = events(&next).await;
    let proxy = crate::harness::proxy().upstream(&gateway).start().await;
    let mut two = proxy.http2().await;
    let mut response = two.send(Request::get("https://localhost/").body(empty()).unwrap()).await.unwrap();
    for number in 0..3 {
        next.notify_one();
        let frame = within("an event", response.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), format!("data: {number}\n\n"));
    }
}

#[tokio::test]
async fn both_directions_flow_at_the_same_time() {
    let gateway = gateway()
        .playing(|mut connection| async move {
            connection.head().await;
            connection.send(CHUNKED).await;
            loop {
                // Each chunk comes back as it is.
                let chunk = connection.until(b"!\r\n").await;
                connection.send(chunk).await;
            }
        })
        .await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.head().await;
    for chunk in ["3\r\nab!\r\n", "1\r\n!\r\n", "5\r\nhello!\r\n"] {
        let chunk = chunk.replace("5\r\nhello!", "6\r\nhello!");
        client.send(&chunk).await;
        assert_eq!(client.until(b"!\r\n").await, chunk.as_bytes());
    }
}

/// One of the pieces of 20 MiB, with its number, so that one at the wrong place is seen.
fn piece(number: usize) -> Vec<u8> {
    let mut piece = vec![b'.'; PIECE];
    piece[..8].copy_from_slice(&number.to_be_bytes());
    piece
}

const PIECES: usize = 1280;
const PIECE: usize = 16 * 1024;
/// Of the 20480 KiB that pass.
const MOST_GROWTH_KIB: u64 = 6 * 1024;

#[tokio::test]
async fn large_bodies_pass_in_constant_memory() {
    let gateway = gateway()
        .playing(|mut connection| async move {
            loop {
                let head = connection.head().await;
                if head.starts_with("POST") {
                    for number in 0..PIECES {
                        assert!(connection.exactly(PIECE).await == piece(number), "piece {number} of the upload");
                    }
                    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone").await;
                } else {
                    connection.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", PIECES * PIECE)).await;
                    for number in 0..PIECES {
                        connection.send(piece(number)).await;
                    }
                }
            }
        })
        .await;
    let proxy = binary().upstream(&gateway).start().await;
    let mut one = proxy.client().await;
    let mut two = proxy.http2().await;
    let before = proxy.peak_memory();

    one.send(format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", PIECES * PIECE)).await;
    for number in 0..PIECES {
        one.send(piece(number)).await;
    }
    assert_eq!(one.response().await.body_text(), "done");

    one.send(GET).await;
    one.head().await;
    for number in 0..PIECES {
        assert!(one.exactly(PIECE).await == piece(number), "piece {number} of the download");
    }

    let pieces = futures_util::stream::iter((0..PIECES).map(|number| Ok(Frame::data(Bytes::from(piece(number))))));
    let upload = Request::post("https://localhost/").header("content-length", PIECES * PIECE);
    let answer = two.ask(upload.body(BodyExt::boxed(StreamBody::new(pieces))).unwrap()).await;
    assert_eq!(answer.body, "done");

    let mut response = two.send(Request::get("https://localhost/").body(empty()).unwrap()).await.unwrap();
    let mut got = Vec::new();
    let mut number = 0;
    while let Some(frame) = within("a piece", response.frame()).await {
        got.extend_from_slice(&frame.unwrap().into_data().unwrap());
        while got.len() >= PIECE {
            let rest = got.split_off(PIECE);
            assert!(std::mem::replace(&mut got, rest) == piece(number), "piece {number} over h2");
            number += 1;
        }
    }
    assert_eq!((number, got.len()), (PIECES, 0));

    let grown = proxy.peak_memory().saturating_sub(before);
    assert!(grown < MOST_GROWTH_KIB, "4 times 20 MiB grew it by {grown} KiB");
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let answer =
        "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n";
    let mut gateway = gateway().answering(answer).await;
    let proxy = proxy().upstream(&gateway).start().await;

    let mut one = proxy.client().await;
    let upload = "POST / HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nTrailer: X-In\r\nTransfer-Encoding: chunked\r\n\r\n\
                  2\r\nhi\r\n0\r\nX-In: 3\r\n\r\n";
    one.send(upload).await;
    let response = one.response().await;
    assert_eq!((response.body_text().as_str(), response.trailers.to_lowercase().as_str()), ("ok", "x-sum: 7\r\n"));
    let seen = gateway.request().await;
    assert_eq!((seen.body_text().as_str(), seen.trailers.to_lowercase().as_str()), ("hi", "x-in: 3\r\n"));

    let mut two = proxy.http2().await;
    let mut trailers = HeaderMap::new();
    trailers.insert("x-in", HeaderValue::from_static("3"));
    let frames = [Ok(Frame::data(Bytes::from("hi"))), Ok(Frame::trailers(trailers))];
    let request = Request::post("https://localhost/").header("te", "trailers").header("trailer", "x-in");
    let body = BodyExt::boxed(StreamBody::new(futures_util::stream::iter(frames)));
    let response = two.ask(request.body(body).unwrap()).await;
    assert_eq!(
        (response.body, &response.trailers.unwrap()["x-sum"]),
        (Bytes::from("ok"), &HeaderValue::from_static("7"))
    );
    let seen = gateway.request().await;
    assert_eq!((seen.body_text().as_str(), seen.trailers.to_lowercase().as_str()), ("hi", "x-in: 3\r\n"));
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_look_whole() {
    let rows = [
        ("by length", "Content-Length: 100\r\n\r\nonly this", ""),
        ("in a chunk", "Transfer-Encoding: chunked\r\n\r\nff\r\nonly this", ""),
        ("between chunks", "Transfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n", ""),
        ("a chunk that is none", "Transfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n", "xyz\r\n"),
    ];
    for (name, start, end) in rows {
        let (seen, at_once) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        at_once.notify_one();
        for (break_off, waits) in [(&seen, true), (&at_once, false)] {
            let break_off = Arc::clone(break_off);
            let wait = Arc::clone(&break_off);
            let gateway = gateway()
                .playing(move |mut connection| {
                    let wait = Arc::clone(&wait);
                    async move {
                        connection.request().await;
                        connection.send(format!("HTTP/1.1 200 OK\r\n{start}")).await;
                        wait.notified().await;
                        // The notification is passed on: this connection has had it.
                        wait.notify_one();
                        connection.send(end).await;
                    }
                })
                .await;
            let proxy = proxy().upstream(&gateway).start().await;
            let mut one = proxy.client().await;
            one.send(GET).await;
            if waits {
                let head = one.head().await;
                assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{name}: {head}");
                one.until(b"only this").await;
                break_off.notify_one();
                let (rest, _) = one.rest().await;
                assert!(rest.is_empty() || rest == b"\r\n", "{name}: {}", rest.escape_ascii());
            } else {
                // What came may be lost with the rest, but is never a whole answer.
                let response = one.next_response().await;
                assert!(response.is_none_or(|response| !response.complete), "{name}");
            }
            let mut two = proxy.http2().await;
            let broken = match two.send(Request::get("https://localhost/").body(empty()).unwrap()).await {
                Ok(response) => within("the break", response.collect()).await.is_err(),
                Err(_) => true,
            };
            assert!(broken, "{name} over h2");
        }
    }
}

#[tokio::test]
async fn an_answer_without_a_length_ends_with_its_connection() {
    let gateway = gateway()
        .playing(|mut connection| async move {
            connection.request().await;
            connection.send("HTTP/1.1 200 OK\r\nContent-Type: x\r\n\r\nall of it").await;
        })
        .await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    for _ in 0..2 {
        client.send(GET).await;
        let response = client.response().await;
        assert_eq!((response.body_text().as_str(), response.complete), ("all of it", true));
        assert!(response.head().contains("transfer-encoding: chunked\r\n"), "{}", response.head());
    }
}

#[tokio::test]
async fn when_the_client_goes_the_gateway_is_told() {
    let gone = Arc::new(Notify::new());
    let told = Arc::clone(&gone);
    let mut gateway = gateway()
        .playing(move |mut connection| {
            let told = Arc::clone(&told);
            async move {
                let request = connection.request().await.unwrap();
                if request.target() == b"/answered" {
                    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nstart").await;
                }
                connection.rest().await;
                told.notify_one();
            }
        })
        .await;
    let proxy = proxy().upstream(&gateway).start().await;
    for target in ["/waiting", "/answered"] {
        let mut one = proxy.client().await;
        one.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        gateway.request().await;
        if target == "/answered" {
            one.until(b"start").await;
        }
        drop(one);
        within("the gateway to be told", gone.notified()).await;

        let mut two = proxy.http2().await;
        let request = Request::get(format!("https://localhost{target}")).body(empty()).unwrap();
        let asked = two.send(request);
        if target == "/answered" {
            drop(asked.await.unwrap());
            gateway.request().await;
        } else {
            tokio::select! {
                _ = asked => panic!("no process answers"),
                _ = gateway.request() => {}
            }
        }
        within("the gateway to be told over h2", gone.notified()).await;
    }
}

#[tokio::test]
async fn an_upload_that_stops_half_way_is_never_whole_for_the_gateway() {
    let half = Arc::new(Notify::new());
    let arrived = Arc::clone(&half);
    let (sender, mut ended) = tokio::sync::mpsc::unbounded_channel();
    let gateway = gateway()
        .playing(move |mut connection| {
            let (arrived, sender) = (Arc::clone(&arrived), sender.clone());
            async move {
                connection.until(b"half").await;
                arrived.notify_one();
                sender.send(connection.rest().await.0).unwrap();
            }
        })
        .await;
    let proxy = proxy().upstream(&gateway).start().await;
    for framing in ["Content-Length: 100\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"] {
        let mut client = proxy.client().await;
        client.send(format!("POST / HTTP/1.1\r\nHost: localhost\r\n{framing}")).await;
        within("half of an upload", half.notified()).await;
        drop(client);
        let rest = within("the end of it", ended.recv()).await.unwrap();
        assert!(rest.is_empty() || rest == b"\r\n", "{}", rest.escape_ascii());
    }
}
