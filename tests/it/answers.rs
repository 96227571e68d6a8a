//! Answers of the gateway as they come on the wire: in pieces, early, with leftovers, or in a form that has two
//! readings.

use crate::harness::{Connection, gateway, proxy};

const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Sends byte after byte.
async fn dribble(connection: &mut Connection, bytes: &str) {
    for byte in bytes.as_bytes() {
        connection.send([*byte]).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_answer_may_come_in_the_smallest_pieces() {
    let rows = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nX-Sum: 5\r\n\r\n",
            "hello",
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            "ok",
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", ""),
    ];
    for (answer, body) in rows {
        let gateway = gateway()
            .playing(move |mut connection| async move {
                while connection.request().await.is_some() {
                    dribble(&mut connection, answer).await;
                }
            })
            .await;
        let proxy = proxy().upstream(&gateway).plain().start().await;
        let mut client = proxy.plain_client().await;
        for _ in 0..2 {
            client.send(GET).await;
            let response = client.response().await;
            assert_eq!((response.body_text().as_str(), response.complete), (body, true), "{answer}");
        }
        assert_eq!(gateway.connections(), 1, "{answer}");
    }
}

#[tokio::test]
async fn an_answer_larger_than_any_buffer_comes_whole_and_the_connection_stays() {
    let body: Vec<u8> = (0..300_000_u32).map(|number| (number % 251) as u8).collect();
    let chunked = |size: usize| {
        let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for chunk in body.chunks(size) {
            bytes.extend(format!("{:X}\r\n", chunk.len()).as_bytes());
            bytes.extend(chunk);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        bytes
    };
    let by_length = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    for answer in [[by_length, body.clone()].concat(), chunked(7), chunked(8192), chunked(100_000)] {
        let gateway = gateway().answering(answer).await;
        let proxy = proxy().upstream(&gateway).start().await;
        let mut client = proxy.client().await;
        let mut two = proxy.http2().await;
        for _ in 0..2 {
            client.send(GET).await;
            assert!(client.response().await.body == body);
            assert!(two.get("https://localhost/").await.body == body);
        }
        assert_eq!(gateway.connections(), 1);
    }
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_is_whole() {
    let gateway = gateway()
        .playing(|mut connection| async move {
            let head = connection.head().await;
            if head.starts_with("POST") {
                connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nmuch").await;
            } else {
                connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
            }
            connection.rest().await;
        })
        .await;
    let proxy = proxy().upstream(&gateway).start().await;
    for framing in ["Content-Length: 1000000", "Transfer-Encoding: chunked"] {
        let before = gateway.connections();
        let mut client = proxy.client().await;
        client.send(format!("POST / HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n5\r\nhello\r\n")).await;
        let response = client.response().await;
        assert_eq!((response.status(), response.body_text().as_str()), (413, "much"), "{framing}");
        // The rest of the body must not be taken for a request.
        let mut client = proxy.client().await;
        client.send(GET).await;
        assert_eq!(client.response().await.body_text(), "ok", "{framing}");
        assert_eq!(gateway.connections(), before + 2, "{framing}");
    }
}

#[tokio::test]
async fn what_follows_an_answer_is_never_the_next_one() {
    let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    let rows = [
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"),
    ];
    for (method, answer) in rows {
        for late in [false, true] {
            let gateway = gateway()
                .playing(move |mut connection| async move {
                    while let Some(request) = connection.request().await {
                        if request.target() == b"/" {
                            if late {
                                connection.send(answer).await;
                                connection.send(evil).await;
                            } else {
                                connection.send(format!("{answer}{evil}")).await;
                            }
                        } else {
                            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood").await;
                        }
                    }
                })
                .await;
            let proxy = proxy().upstream(&gateway).start().await;
            let mut client = proxy.client().await;
            client.send(format!("{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
            let head = client.head().await;
            assert!(answer.starts_with(head.lines().next().unwrap()), "{head}");
            // A client of its own: what it gets is not the rest of that answer.
            let mut client = proxy.client().await;
            client.send("GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
            assert_eq!(client.response().await.body_text(), "good", "{method} {answer} {late}");
            assert_eq!(gateway.connections(), 2, "{method} {answer} {late}");
        }
    }
}

#[tokio::test]
async fn a_head_has_as_many_fields_as_its_length_allows() {
    let (asked, answered) = ("x-a: 1\r\n".repeat(101), "x-b: 1\r\n".repeat(257));
    let mut gateway = gateway().answering(format!("HTTP/1.1 200 OK\r\n{answered}content-length: 2\r\n\r\nok")).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    client.send(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{asked}\r\n")).await;
    let answer = client.response().await;
    assert_eq!((answer.status(), answer.fields().filter(|(name, _)| name == "x-b").count()), (200, 257));
    assert_eq!(gateway.request().await.fields().filter(|(name, _)| name == "x-a").count(), 101);
    let answer = proxy.http2().await.get("https://localhost/").await;
    assert_eq!((answer.status, answer.headers.get_all("x-b").iter().count()), (200, 257));
}

#[tokio::test]
async fn an_answer_with_two_readings_is_no_answer() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let interims = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100);
    let rows = [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok!",
        "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
        "HTTP/3.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
        &long,
        &interims,
    ];
    for answer in rows {
        let bytes = answer.to_owned();
        let gateway = gateway()
            .playing(move |mut connection| {
                let bytes = bytes.clone();
                async move {
                    while let Some(request) = connection.request().await {
                        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                        let said = if request.target() == b"/" { &bytes } else { ok };
                        if connection.try_send(said).await.is_err() {
                            return;
                        }
                    }
                }
            })
            .await;
        let proxy = proxy().upstream(&gateway).start().await;
        let name = &answer[..answer.len().min(80)];
        let mut client = proxy.client().await;
        client.send(GET).await;
        let response = client.response().await;
        assert_eq!(response.status(), 502, "{name}");
        assert!(response.body_text().contains("code: gateway_nonsense\n"), "{name}: {}", response.text());
        client.send("GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert_eq!(client.response().await.body_text(), "ok", "{name}");
        assert_eq!(gateway.connections(), 2, "{name}");
    }
}

#[tokio::test]
async fn a_kept_connection_that_the_gateway_closed_is_not_used() {
    let gateway = gateway()
        .playing(|mut connection| async move {
            connection.request().await;
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        })
        .await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    for number in 1..=3 {
        client.send(GET).await;
        assert_eq!(client.response().await.status(), 200);
        assert_eq!(gateway.connections(), number);
    }
}

#[tokio::test]
async fn an_answer_says_itself_whether_its_connection_stays() {
    let rows = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", true),
    ];
    for (answer, stays) in rows {
        let gateway = gateway().answering(answer).await;
        let proxy = proxy().upstream(&gateway).start().await;
        let mut client = proxy.client().await;
        for _ in 0..2 {
            client.send(GET).await;
            assert_eq!(client.response().await.body_text(), "ok");
        }
        assert_eq!(gateway.connections(), if stays { 1 } else { 2 }, "{answer}");
    }
}
