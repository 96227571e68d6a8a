//! A socket of which one side does not read: its neighbours go on, and no more is taken for it than its window.

use bytes::Bytes;
use http::Request;

use super::super::frame::Frame;
use super::super::peer::Peer;
use super::super::scene::scene;
use super::{Client, Socket};
use crate::harness::within;

/// A message there and back.
async fn echo(socket: &mut Socket, gateway: &mut Peer) {
    let frame = Frame::text("still here");
    socket.write(frame.masked()).await;
    gateway.expect(frame.masked()).await;
    gateway.write(frame.bare()).await;
    socket.expect(frame.bare()).await;
}

/// Sends all that the windows allow, in frames of at most `most` bytes; how many bytes were taken.
async fn fill(socket: &mut Socket, bytes: &Bytes, most: usize) -> usize {
    let mut sent = 0;
    socket.send.reserve_capacity(bytes.len());
    loop {
        let capacity = std::future::poll_fn(|cx| socket.send.poll_capacity(cx));
        match tokio::time::timeout(std::time::Duration::from_millis(500), capacity).await {
            Err(_) => return sent,
            Ok(capacity) => {
                let more = capacity.expect("an open stream").unwrap();
                for piece in bytes[sent..sent + more].chunks(most) {
                    socket.send.send_data(Bytes::copy_from_slice(piece), false).unwrap();
                }
                sent += more;
                socket.send.reserve_capacity(bytes.len() - sent);
            }
        }
    }
}

#[tokio::test]
async fn gateways_that_do_not_read_stop_neither_other_sockets_nor_requests() {
    let scene = scene().await;
    let mut client = Client::connect(&scene.proxy).await;
    let (mut near, mut far) = client.open(&scene).await;
    let message = Bytes::from(Frame::binary(vec![7; 12 << 20]).masked());
    let mut stuck = Vec::new();
    for _ in 0..6 {
        let (mut socket, gateway) = client.open(&scene).await;
        gateway.receive_little();
        let taken = fill(&mut socket, &message, 1 << 20).await;
        assert!(taken < message.len(), "all of it was taken");
        stuck.push((socket, gateway, taken));
        echo(&mut near, &mut far).await;
    }
    // A request with a body as large as a window.
    let request = Request::post("https://localhost/upload").body(()).unwrap();
    let (answer, mut body) = client.connection.send_request(request, false).unwrap();
    let upload = async {
        super::write(&mut body, &vec![1; 300_000]).await;
        body.send_data(Bytes::new(), true).unwrap();
    };
    let serve = async {
        let mut gateway = scene.accept().await;
        assert!(gateway.head().await.starts_with("POST /upload "));
        let mut read = 0;
        while read < 300_000 {
            read += gateway.reader.take(1).await.len() + gateway.at_hand().await.len();
        }
        gateway.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
    };
    tokio::join!(within("the upload", upload), serve);
    assert_eq!(within("an answer", answer).await.unwrap().status(), 200);
    // What was taken is kept.
    let (_, gateway, taken) = &mut stuck[0];
    gateway.expect(&message[..*taken]).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_one_socket_goes_on_with_the_others() {
    let scene = scene().await;
    let mut client = Client::connect(&scene.proxy).await;
    let (mut near, mut far) = client.open(&scene).await;
    let (mut socket, mut gateway) = client.open(&scene).await;
    let message = Frame::binary(vec![7; 12 << 20]).bare();
    let taken = gateway.writer.write_until_stuck(&message).await;
    assert!(taken < message.len(), "all of it was taken");
    for _ in 0..3 {
        echo(&mut near, &mut far).await;
    }
    tokio::join!(gateway.writer.write(&message[taken..]), socket.expect(&message));
    echo(&mut socket, &mut gateway).await;
    // The client lets go of the one that it does not read.
    let taken = gateway.writer.write_until_stuck(&message).await;
    assert!(taken < message.len(), "all of it was taken");
    socket.send.send_reset(h2::Reason::CANCEL);
    gateway.told(1001, "client connection lost").await;
    echo(&mut near, &mut far).await;
}

/// A page may send thousands of short messages at once, each of which is a DATA frame.
#[tokio::test]
async fn a_burst_of_short_messages_passes_and_waits_for_a_gateway_that_does_not_read() {
    const MESSAGES: usize = 20_000;
    let scene = scene().await;
    let mut client = Client::connect(&scene.proxy).await;
    let (mut near, mut far) = client.open(&scene).await;
    for reads in [true, false] {
        let (mut socket, mut gateway) = client.open(&scene).await;
        let message = Frame::text("x").masked();
        if reads {
            let sending = async {
                for _ in 0..MESSAGES {
                    socket.send.send_data(Bytes::copy_from_slice(&message), false).unwrap();
                }
            };
            tokio::join!(sending, gateway.expect(message.repeat(MESSAGES)));
        } else {
            gateway.receive_little();
            let filling = Bytes::from(Frame::binary(vec![7; 12 << 20]).masked());
            let taken = fill(&mut socket, &filling, 100).await;
            assert!(taken < filling.len(), "all of it was taken");
        }
        echo(&mut near, &mut far).await;
    }
}
