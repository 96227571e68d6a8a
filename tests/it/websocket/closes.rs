//! A WebSocket that ends with a Close of one of its peers: it passes as it is, and so does the answer.

use tokio::join;

use super::frame::Frame;
use super::peer::{CLIENT, GATEWAY};
use super::scene::{EVERY, scene};

#[tokio::test]
async fn a_close_passes_verbatim_and_so_does_its_answer() {
    let closes = [
        // The gateway is starting; the Control UI knows the code.
        Frame::close(1013, "gateway starting"),
        Frame::bare_close(),
        Frame::close(1000, ""),
        Frame::close(1008, "origin not allowed (open the Control UI from the gateway host)"),
        Frame::close(4000, "tick timeout"),
        Frame::close(1012, &"ü".repeat(61)),
        // Codes that must not be sent, from peers that send them: not for a proxy to judge.
        Frame::close(1005, "x"),
        Frame::new(0x88, *b"\x03\xe8\xff\xfe not UTF-8"),
    ];
    let scene = scene().await;
    for via in EVERY {
        for close in &closes {
            for from in [CLIENT, GATEWAY] {
                let (mut client, mut gateway) = scene.open(via).await;
                let answer = Frame::close(1000, "goodbye");
                let (asks, answers, other) = if from == CLIENT {
                    (&mut client, &mut gateway, GATEWAY)
                } else {
                    (&mut gateway, &mut client, CLIENT)
                };
                asks.write(close.bytes(from)).await;
                answers.expect(close.bytes(from)).await;
                answers.write(answer.bytes(other)).await;
                asks.expect(answer.bytes(other)).await;
                // Then there is nothing left to say on either side.
                assert_eq!((asks.rest().await, answers.rest().await), (vec![], vec![]), "{close:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_follows_a_close_passes_no_more() {
    let scene = scene().await;
    for via in EVERY {
        let (mut client, mut gateway) = scene.open(via).await;
        let close = Frame::close(1000, "bye");
        client.write([close.masked(), Frame::text("one more thing").masked()].concat()).await;
        gateway.expect(close.masked()).await;
        gateway.write([close.bare(), Frame::text("and another").bare()].concat()).await;
        client.expect(close.bare()).await;
        assert_eq!((client.rest().await, gateway.rest().await), (vec![], vec![]));
    }
}

#[tokio::test]
async fn two_closes_that_cross_both_arrive() {
    let scene = scene().await;
    for via in EVERY {
        let (mut client, mut gateway) = scene.open(via).await;
        let (up, down) = (Frame::close(4000, "tick timeout"), Frame::close(1012, "service restart"));
        join!(client.write(up.masked()), gateway.write(down.bare()));
        client.expect(down.bare()).await;
        gateway.expect(up.masked()).await;
        assert_eq!((client.rest().await, gateway.rest().await), (vec![], vec![]));
    }
}

#[tokio::test]
async fn a_peer_that_closes_and_goes_at_once_is_still_heard() {
    let scene = scene().await;
    let close = Frame::close(1000, "no time to wait");
    for via in EVERY {
        for from in [CLIENT, GATEWAY] {
            let (client, gateway) = scene.open(via).await;
            let (mut goes, mut stays) = if from == CLIENT { (client, gateway) } else { (gateway, client) };
            let message = Frame::binary(vec![1; 300_000]);
            let bytes = [message.bytes(from), close.bytes(from)].concat();
            goes.write(&bytes).await;
            goes.finish().await;
            stays.expect(&bytes).await;
            let other = if from == CLIENT { GATEWAY } else { CLIENT };
            stays.write(close.bytes(other)).await;
            assert_eq!(stays.rest().await, b"", "{via:?}");
        }
    }
}
