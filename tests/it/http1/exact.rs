//! What is recognised by what it is, wherever it stands.

use std::fmt::Write as _;

use super::{GET, OK};
use crate::harness::{Connection, gateway, proxy};

#[tokio::test]
async fn a_hash_in_a_target_is_seen_in_every_request_of_a_connection() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let hash = "POST /a#b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n##";
    // In one piece, and in pieces that end anywhere.
    for size in [usize::MAX, 1, 7] {
        let mut client = proxy.client().await;
        let requests = [GET, hash, GET, hash, hash, GET].concat();
        for piece in requests.as_bytes().chunks(size.min(requests.len())) {
            client.send(piece).await;
        }
        for expected in [200, 400, 200, 400, 400, 200] {
            let answer = client.response().await;
            assert_eq!(answer.status(), expected, "in pieces of {size}: {}", answer.text());
            assert_eq!(answer.body_text().contains("code: fragment_in_target\n"), expected == 400);
        }
        for _ in 0..3 {
            assert_eq!(gateway.request().await.target(), b"/");
        }
        assert_eq!(gateway.unexpected(), None);
    }
}

/// What passes is the gateway's, though it looks like an answer of a parser's own.
#[tokio::test]
async fn a_body_that_looks_like_an_answer_passes_as_it_came() {
    let looks = [
        "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 414 URI Too Long\r\n\r\n",
    ];
    let gateway = gateway()
        .playing(move |mut connection: Connection| async move {
            while connection.request().await.is_some() {
                let length = looks.iter().map(|look| look.len()).sum::<usize>();
                connection.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")).await;
                for look in looks {
                    connection.send(look).await;
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            }
        })
        .await;
    let proxy = proxy().upstream(&gateway).plain().start().await;
    for mut client in [proxy.client().await, proxy.plain_client().await] {
        for _ in 0..2 {
            client.send(GET).await;
            let answer = client.response().await;
            assert_eq!((answer.status(), answer.body_text()), (200, looks.concat()));
        }
    }
}

#[tokio::test]
async fn a_head_has_as_many_fields_as_fit_into_it() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    for count in [99, 100, 101, 255, 2000] {
        let fields = (0..count).fold(String::new(), |mut fields, number| {
            write!(fields, "x-{number}: {number}\r\n").unwrap();
            fields
        });
        client.send(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")).await;
        assert_eq!(client.response().await.status(), 200, "{count}");
        assert!(gateway.request().await.text().ends_with(&format!("{fields}\r\n")), "{count}");
    }
}

#[tokio::test]
async fn a_method_has_a_length_that_is_one() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    for (length, expected) in [(64, 200), (65, 400), (1000, 400), (100_000, 400)] {
        let mut client = proxy.client().await;
        let _ = client.try_send(format!("{} / HTTP/1.1\r\nHost: localhost\r\n\r\n", "M".repeat(length))).await;
        assert_eq!(client.response().await.status(), expected, "{length}");
        assert_eq!(gateway.unexpected().is_some(), expected == 200);
    }
}
