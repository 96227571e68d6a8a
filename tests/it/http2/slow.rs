//! Sides that stand still.

use std::time::Duration;

use frontgate::config::Config;
use tokio::time::sleep;

use super::{Came, fields};
use crate::harness::{Connection, Frame2, binary, gateway, proxy, within};

const SOON: Duration = Duration::from_millis(300);
const CANCEL: u32 = 8;

/// `/large` is a megabyte, `/small` two bytes; anything else is read to its end, and then answered.
async fn plays(mut connection: Connection) {
    while let Some(request) = connection.request().await {
        let length = if request.target() == b"/large" { 1 << 20 } else { 2 };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        if connection.try_send([head.as_bytes(), &vec![b'x'; length]].concat()).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn an_answer_of_which_the_client_takes_nothing_is_ended_and_nothing_else() {
    type Change = fn(&mut Config);
    let rows: [(&str, Change); 2] = [
        ("progress", |config| config.timeouts.progress = Some(SOON)),
        ("send", |config| (config.timeouts.send, config.timeouts.progress) = (Some(SOON), None)),
    ];
    for (name, change) in rows {
        for window in [0, 1000] {
            let (left, mut gone) = tokio::sync::mpsc::unbounded_channel();
            let script = move |connection: Connection| {
                let left = left.clone();
                async move {
                    plays(connection).await;
                    let _ = left.send(());
                }
            };
            let gateway = gateway().playing(script).await;
            let proxy = proxy().upstream(&gateway).config(change).start().await;
            let mut client = proxy.narrow_http2(window).await;
            let stuck = client.begin(&fields("GET", "/large"), true).await;
            let read = client.begin(&fields("GET", "/large"), true).await;
            client.widen(0, 1 << 24).await;
            client.widen(read, 1 << 24).await;
            let (mut reset, mut whole, mut taken) = (None, false, 0);
            while reset.is_none() || !whole {
                match client.frame().await {
                    Frame2::Reset { stream, code } => {
                        assert_eq!(stream, stuck, "{name} {window}");
                        reset = Some(code);
                    }
                    Frame2::Data { stream, ends, length } => {
                        whole |= ends && stream == read;
                        taken += if stream == stuck { length } else { 0 };
                    }
                    Frame2::GoAway { .. } => panic!("{name} {window}: the connection was ended"),
                    _ => {}
                }
            }
            assert_eq!((reset, taken), (Some(CANCEL), window), "{name}");
            within("the gateway's connection to be closed", gone.recv()).await;
            let again = client.begin(&fields("GET", "/small"), true).await;
            client.widen(again, 10).await;
            assert_eq!(client.whole(again).await, Came { status: Some(200), bytes: 2, reset: None }, "{name} {window}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_taken_byte_by_byte_goes_on() {
    let gateway = gateway().playing(plays).await;
    let patient = |config: &mut Config| config.timeouts.progress = Some(Duration::from_secs(2));
    let proxy = proxy().upstream(&gateway).config(patient).start().await;
    let mut client = proxy.narrow_http2(0).await;
    let stream = client.begin(&fields("GET", "/large"), true).await;
    let mut taken = 0;
    for _ in 0..25 {
        client.widen(stream, 1).await;
        while !matches!(client.frame().await, Frame2::Data { length: 1, .. }) {}
        taken += 1;
        sleep(Duration::from_millis(100)).await;
    }
    client.widen(stream, 1 << 20).await;
    client.widen(0, 1 << 20).await;
    let came = client.whole(stream).await;
    assert_eq!((came.bytes, came.reset), ((1 << 20) - taken, None));
}

#[tokio::test]
async fn a_request_body_that_stands_still_is_a_408_and_the_log_says_so() {
    let gateway = gateway().playing(plays).await;
    let mut proxy = binary().upstream(&gateway).config("timeouts: { progress: 300ms }").start().await;
    let mut client = proxy.raw_http2().await;
    let stream = client.begin(&fields("POST", "/small"), false).await;
    client.data(stream, b"a", false).await;
    let came = client.whole(stream).await;
    assert_eq!((came.status, came.reset), (Some(408), None));
    let line = proxy.access().await;
    assert_eq!((&line["failure"], &line["ended"]), (&"request_timeout".into(), &"timed_out".into()), "{line}");
    // Other requests of the connection go on.
    let again = client.begin(&fields("GET", "/small"), true).await;
    assert_eq!(client.whole(again).await.status, Some(200));
}

#[tokio::test]
async fn the_gateways_silence_does_not_begin_before_it_has_the_request() {
    let gateway = gateway().playing(plays).await;
    let quick = |config: &mut Config| config.timeouts.read = Some(SOON);
    let proxy = proxy().upstream(&gateway).config(quick).start().await;
    let mut client = proxy.raw_http2().await;
    let stream = client.begin(&fields("POST", "/small"), false).await;
    for _ in 0..8 {
        client.data(stream, b"slow ", false).await;
        sleep(SOON / 3).await;
    }
    client.data(stream, b"", true).await;
    assert_eq!(client.whole(stream).await.status, Some(200));
}

#[tokio::test]
async fn a_gateway_that_takes_nothing_of_a_request_is_given_up() {
    let gateway = gateway()
        .playing(|connection| async move {
            // Reads nothing.
            sleep(Duration::from_mins(1)).await;
            drop(connection);
        })
        .await;
    let quick = |config: &mut Config| config.timeouts.send = Some(SOON);
    let proxy = proxy().upstream(&gateway).config(quick).start().await;
    let mut client = proxy.http2().await;
    let body = crate::harness::full(vec![b'x'; 32 << 20]);
    let answer = client.ask(http::Request::post("https://localhost/").body(body).unwrap()).await;
    assert_eq!(answer.status, 504);
    assert!(answer.body.windows(20).any(|text| text == b"gateway_send_timeout"), "{answer:?}");
}

#[tokio::test]
async fn streams_that_are_not_read_do_not_stop_one_that_is_read() {
    let gateway = gateway().playing(plays).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.narrow_http2(100).await;
    client.widen(0, 1 << 30).await;
    for _ in 0..100 {
        client.begin(&fields("GET", "/large"), true).await;
    }
    // Each of them has sent what it may, and keeps some more ready.
    let mut began = 0;
    while began < 100 {
        began += u32::from(matches!(client.frame().await, Frame2::Data { length: 100, .. }));
    }
    let read = client.begin(&fields("GET", "/large"), true).await;
    client.widen(read, 1 << 24).await;
    assert_eq!(client.whole(read).await, Came { status: Some(200), bytes: 1 << 20, reset: None });
}
