//! Gateways that are reached over TLS or a unix socket: the same WebSocket, over another kind of stream.

use tokio::join;

use super::frame::Frame;
use super::peer::{Peer, SWITCHED, UPGRADE};
use crate::harness::{Connection, Gateway, binary, gateway};

/// Grants an upgrade with a challenge right behind it, answers one large frame with the same, and is gone.
async fn play(mut gateway: Connection) {
    gateway.request().await;
    gateway.send([SWITCHED.as_bytes(), &challenge()].concat()).await;
    let came = gateway.exactly(large().masked().len()).await;
    assert!(came == large().masked());
    gateway.send(large().bare()).await;
}

fn challenge() -> Vec<u8> {
    Frame::text("connect.challenge").bare()
}

fn large() -> Frame {
    Frame::binary((0..2_000_000_u32).map(|at| (at % 251).to_be_bytes()[3]).collect::<Vec<_>>())
}

async fn check(gateway: Gateway) {
    let mut binary = binary().upstream(&gateway).config("websocket: { ping_interval: off }").start().await;
    let mut client = Peer::new(binary.tls(binary.trust().offering(&["http/1.1"])).await);
    client.write(UPGRADE).await;
    assert!(client.head().await.starts_with("HTTP/1.1 101 "));
    // The challenge was decrypted with the 101: no readiness of a socket announces it.
    client.expect(challenge()).await;
    let (up, down) = (large().masked(), large().bare());
    join!(client.writer.write(&up), client.reader.expect(&down));
    client.expect(Frame::close(1012, "gateway connection lost").bare()).await;
    client.write(Frame::close(1012, "").masked()).await;
    assert_eq!(client.rest().await, b"");
    let line = binary.line(|line| line["message"] == "websocket").await;
    assert_eq!(line["ended"], "gateway_lost", "{line}");
}

#[tokio::test]
async fn a_gateway_over_tls() {
    check(gateway().over_tls().playing(play).await).await;
}

#[tokio::test]
async fn a_gateway_on_a_unix_socket() {
    check(gateway().over_unix().playing(play).await).await;
}
