//! How long a client may take, for what.

use std::time::{Duration, Instant};

use frontgate::config::Config;

use super::{GET, OK};
use crate::harness::{Connection, End, Proxy, Wire, binary, gateway, proxy, within};

const MILLI: fn(u64) -> Duration = Duration::from_millis;
/// A busy machine is slow, but not that slow.
const SOON: Duration = Duration::from_secs(20);

async fn both(proxy: &Proxy) -> [Wire; 2] {
    [proxy.client().await, proxy.plain_client().await]
}

#[tokio::test]
async fn a_head_has_its_time_whatever_comes_before_it() {
    let gateway = gateway().answering(OK).await;
    let short = |config: &mut Config| {
        config.timeouts.request_head = Some(MILLI(700));
        config.timeouts.keep_alive = Some(Duration::from_hours(1));
    };
    let proxy = proxy().upstream(&gateway).config(short).plain().start().await;
    // What comes before the time is over, and whether there is an answer.
    let rows = [
        ("nothing", "", false),
        ("empty lines", "\r\n\r\n\r\n", false),
        ("half an empty line", "\r", true),
        ("a part of a head", "GET / HT", true),
        ("a head without its end", "GET / HTTP/1.1\r\nHost: localhost\r\n", true),
        ("half a head behind a request", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT", true),
        (
            "half a head behind a request with a body",
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nxGET / HT",
            true,
        ),
    ];
    for (name, sent, answered) in rows {
        for tls in [true, false] {
            let began = Instant::now();
            let mut client = if tls { proxy.client().await } else { proxy.plain_client().await };
            client.send(sent).await;
            if name.contains("behind") {
                assert_eq!(client.response().await.status(), 200, "{name}");
            }
            match client.next_response().await {
                Some(answer) => assert_eq!((answer.status(), answered), (408, true), "{name}"),
                None => assert!(!answered, "{name}"),
            }
            assert!(began.elapsed() > MILLI(600) && began.elapsed() < SOON, "{name}: {:?}", began.elapsed());
        }
    }
    // Empty lines do not make it longer.
    let mut client = proxy.plain_client().await;
    let began = Instant::now();
    while client.try_send("\r\n").await.is_ok() && !client.has_more().await {
        tokio::time::sleep(MILLI(50)).await;
        assert!(began.elapsed() < SOON);
    }
}

#[tokio::test]
async fn between_requests_a_connection_is_kept_for_keep_alive_and_no_longer() {
    let gateway = gateway().answering(OK).await;
    let short = |config: &mut Config| {
        config.timeouts.request_head = Some(Duration::from_hours(1));
        config.timeouts.keep_alive = Some(MILLI(700));
    };
    let proxy = proxy().upstream(&gateway).config(short).plain().start().await;
    for tls in [true, false] {
        let mut client = if tls { proxy.client().await } else { proxy.plain_client().await };
        for _ in 0..2 {
            client.send(GET).await;
            assert_eq!(client.response().await.status(), 200);
        }
        let began = Instant::now();
        client.send("\r\n").await;
        assert_eq!(client.closed().await, End::Clean);
        assert!(began.elapsed() > MILLI(600) && began.elapsed() < SOON, "{:?}", began.elapsed());
    }
    // The first request is not waited for like a next one, and neither is the rest of a next one.
    let mut fresh = proxy.plain_client().await;
    let mut half = proxy.plain_client().await;
    half.send(GET).await;
    assert_eq!(half.response().await.status(), 200);
    half.send("GET / HTTP/1.1\r\n").await;
    tokio::time::sleep(MILLI(1500)).await;
    for (client, rest) in [(&mut fresh, GET), (&mut half, "Host: localhost\r\n\r\n")] {
        client.send(rest).await;
        assert_eq!(client.response().await.status(), 200);
    }
}

#[tokio::test]
async fn an_upload_that_stands_still_is_ended_and_one_that_drips_is_not() {
    let gateway = gateway().answering(OK).await;
    let short = |config: &mut Config| config.timeouts.progress = Some(MILLI(600));
    let proxy = proxy().upstream(&gateway).config(short).plain().start().await;
    for framing in ["Content-Length: 20\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"] {
        for mut client in both(&proxy).await {
            let began = Instant::now();
            client.send(format!("POST / HTTP/1.1\r\nHost: localhost\r\n{framing}")).await;
            assert_eq!(client.response().await.status(), 408, "{framing}");
            assert!(began.elapsed() > MILLI(500) && began.elapsed() < SOON, "{:?}", began.elapsed());
        }
    }
    let mut client = proxy.client().await;
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n").await;
    for _ in 0..10 {
        tokio::time::sleep(MILLI(150)).await;
        client.send("x").await;
    }
    assert_eq!(client.response().await.status(), 200, "a byte is progress");
}

#[tokio::test]
async fn a_body_that_was_waited_for_in_vain_is_not_waited_for_again() {
    let gateway = gateway().answering(OK).await;
    let short = |config: &mut Config| config.timeouts.progress = Some(MILLI(300));
    let proxy = proxy().upstream(&gateway).config(short).plain().start().await;
    let rows = [
        // What is sent, and the statuses that come.
        ("Content-Length: 20\r\nExpect: 100-continue\r\n\r\n", &[100, 408][..]),
        ("Content-Length: 20\r\n\r\n", &[408]),
        ("Content-Length: 20\r\n\r\nhello", &[408]),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", &[408]),
    ];
    for (sent, statuses) in rows {
        for mut client in both(&proxy).await {
            client.send(format!("POST / HTTP/1.1\r\nHost: localhost\r\n{sent}")).await;
            for status in statuses {
                let answer = client.response().await;
                assert_eq!(answer.status(), *status, "{sent}");
                if *status == 408 {
                    assert_eq!(answer.field("connection").as_deref(), Some("close"), "{sent}");
                }
            }
            assert_eq!(client.closed().await, End::Clean, "{sent}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_not_taken_gives_way_while_nearly_all_requests_are_under_way() {
    let gateway = gateway().playing(endless).await;
    let mut proxy = binary()
        .upstream(&gateway)
        .config(r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#)
        .config("limits: { requests: 16 }")
        .start()
        .await;
    let mut clients = Vec::new();
    for number in 0..14 {
        let mut client = if number % 2 == 0 { proxy.client().await } else { proxy.plain_client().await };
        client.send(GET).await;
        clients.push(client);
    }
    // `timeouts.progress` is two minutes.
    let line = within("the end", proxy.line(|line| line["message"] == "request")).await;
    assert_eq!((line["ended"].as_str(), line["status"].as_u64()), (Some("timed_out"), Some(200)), "{line}");
}

/// Answers that are larger than what the kernel keeps.
async fn endless(mut connection: Connection) {
    connection.request().await;
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
    while connection.try_send(vec![b'x'; 64 * 1024]).await.is_ok() {}
}

#[tokio::test]
async fn an_answer_that_is_not_taken_is_ended_at_the_shorter_of_send_and_progress() {
    for (progress, send) in [("600ms", "24h"), ("24h", "600ms"), ("off", "600ms"), ("600ms", "off")] {
        let gateway = gateway().playing(endless).await;
        let mut proxy = binary()
            .upstream(&gateway)
            .config(r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#)
            .config(&format!("timeouts: {{ progress: {progress}, send: {send} }}"))
            .start()
            .await;
        for tls in [true, false] {
            let mut client = if tls { proxy.client().await } else { proxy.plain_client().await };
            client.send(GET).await;
            // Not a byte is read before the line is there.
            let line = within("the end", proxy.line(|line| line["message"] == "request")).await;
            assert_eq!((line["ended"].as_str(), line["status"].as_u64()), (Some("timed_out"), Some(200)), "{line}");
            drop(client);
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_taken_slowly_is_not_ended() {
    const SIZE: usize = 24 << 20;
    let gateway = gateway()
        .playing(|mut connection: Connection| async move {
            connection.request().await;
            connection.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n")).await;
            connection.send(vec![b'x'; SIZE]).await;
        })
        .await;
    let short = |config: &mut Config| config.timeouts.progress = Some(MILLI(1000));
    let proxy = proxy().upstream(&gateway).config(short).plain().start().await;
    for mut client in both(&proxy).await {
        client.send(GET).await;
        client.head().await;
        let mut left = SIZE;
        while left > 0 {
            let piece = left.min(2 << 20);
            client.exactly(piece).await;
            left -= piece;
            tokio::time::sleep(MILLI(200)).await;
        }
    }
}
