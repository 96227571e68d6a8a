//! Pings on silent legs, the pongs that answer them, and what becomes of a peer that gives none.

use std::time::Duration;

use tokio::join;

use super::frame::Frame;
use super::peer::{CLIENT, GATEWAY, answer_pings};
use super::scene::{EVERY, Scene, Via, scene_with};
use crate::harness::Proxy;

async fn pinging() -> Scene<Proxy> {
    scene_with(|config| config.websocket.ping_interval = Some(Duration::from_millis(100))).await
}

#[tokio::test]
async fn a_silent_leg_is_pinged_and_its_pong_goes_no_further() {
    let scene = pinging().await;
    for via in EVERY {
        let (mut client, mut gateway) = scene.open(via).await;
        let mut masks = Vec::new();
        for _ in 0..2 {
            let ping = client.frame().await;
            assert_eq!((ping.first, ping.mask, ping.payload.len()), (0x89, None, 8), "{ping:?}");
            client.write(Frame::pong(&ping.payload).masked()).await;

            let ping = gateway.frame().await;
            assert_eq!((ping.first, ping.payload.len()), (0x89, 8), "{ping:?}");
            masks.push(ping.mask.expect("RFC 6455 §5.1: a client masks"));
            gateway.write(Frame::pong(&ping.payload).bare()).await;
        }
        assert!(masks[0] != masks[1], "RFC 6455 §5.3: a fresh mask for every frame");

        client.write(Frame::text("after the pongs").masked()).await;
        gateway.write(Frame::text("after the pongs").bare()).await;
        for peer in [&mut client, &mut gateway] {
            let (frame, _) = peer.reader.frame_after_pings().await;
            assert_eq!((frame.first, frame.payload.as_slice()), (0x81, &b"after the pongs"[..]));
        }
    }
}

#[tokio::test]
async fn pings_and_pongs_of_the_peers_own_pass() {
    let scene = pinging().await;
    let (mut client, mut gateway) = scene.open(Via::Tls).await;
    // While pings of ours are unanswered, so that every pong is looked at.
    let (from_client, from_gateway) = (client.frame().await, gateway.frame().await);
    assert_eq!((from_client.first, from_gateway.first), (0x89, 0x89));
    let frames = [
        Frame::ping(b"of its own"),
        Frame::ping(b""),
        Frame::pong(b"unasked"),
        Frame::pong(b"8 bytes!"),
        Frame::pong(b""),
        // An answer to our ping, and then some: not ours.
        Frame::pong(&[&from_client.payload[..], b"+"].concat()),
        Frame::pong(&[&from_gateway.payload[..], b"+"].concat()),
        Frame::text("done"),
    ];
    // With the payload of our ping on the other leg it answers nothing of ours.
    let up = [&[Frame::pong(&from_gateway.payload)], &frames[..]].concat();
    let down = [&[Frame::pong(&from_client.payload)], &frames[..]].concat();
    for (up, down) in up.iter().zip(&down) {
        client.write(up.masked()).await;
        gateway.write(down.bare()).await;
    }
    for (peer, mask, frames) in [(&mut client, GATEWAY, down), (&mut gateway, CLIENT, up)] {
        let ours = |frame: &Frame| frame.first == 0x89 && frame.payload.len() == 8;
        for expected in &frames {
            let mut frame = peer.frame().await;
            while ours(&frame) {
                frame = peer.frame().await;
            }
            assert_eq!(frame, Frame { mask, ..expected.clone() });
        }
    }
}

#[tokio::test]
async fn a_ping_waits_for_the_frame_to_end_but_not_for_the_message() {
    let scene = pinging().await;
    for via in EVERY {
        let (mut client, mut gateway) = scene.open(via).await;
        let (first, last) = (Frame::new(0x01, "the first fragment "), Frame::new(0x80, "and the last"));

        // Half a frame: the gateway has been silent for long, but there is no room for a ping.
        let (bytes, half) = (first.masked(), 10);
        client.write(&bytes[..half]).await;
        for _ in 0..2 {
            assert_eq!(client.frame().await.first, 0x89);
        }
        client.write(&bytes[half..]).await;

        // Between the fragments there is.
        let mut gateways = Vec::new();
        loop {
            match gateway.frame().await.first {
                0x89 => break,
                other => gateways.push(other),
            }
        }
        assert_eq!(gateways, [0x01], "nothing came before it");
        client.write(last.masked()).await;
        let (frame, _) = gateway.reader.frame_after_pings().await;
        assert_eq!(frame, Frame { mask: CLIENT, ..last });
    }
}

#[tokio::test]
async fn a_gateway_that_does_not_answer_is_given_up() {
    let scene = impatient().await;
    let (mut client, mut gateway) = scene.open(Via::Tls).await;
    let answered = async {
        let said = answer_pings(&mut client, CLIENT).await;
        client.write(Frame::close(1012, "").masked()).await;
        said
    };
    let (said, rest) = join!(answered, gateway.rest());
    assert_eq!(said, Frame::close(1012, "gateway not responding"));
    let frames = all_frames(&rest);
    let (last, pings) = frames.split_last().expect("pings, then a Close");
    assert!(!pings.is_empty() && pings.iter().all(|ping| ping.first == 0x89), "{frames:?}");
    assert_eq!(*last, Frame { mask: last.mask, ..Frame::close(1001, "gateway not responding") });
    assert!(last.mask.is_some());
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn a_client_that_does_not_answer_is_given_up() {
    let scene = impatient().await;
    let (mut client, mut gateway) = scene.open(Via::Tls).await;
    let answered = async {
        let said = answer_pings(&mut gateway, GATEWAY).await;
        gateway.write(Frame::close(1001, "").bare()).await;
        said
    };
    let (said, rest) = join!(answered, client.rest());
    assert_eq!(said, Frame { mask: said.mask, ..Frame::close(1001, "client not responding") });
    assert!(said.mask.is_some());
    let frames = all_frames(&rest);
    let (last, pings) = frames.split_last().expect("pings, then a Close");
    assert!(!pings.is_empty() && pings.iter().all(|ping| ping.first == 0x89), "{frames:?}");
    assert_eq!(*last, Frame::close(1001, "client not responding"));
    assert_eq!(gateway.rest().await, b"");
}

/// Long enough for a peer of ours that answers on a busy machine.
async fn impatient() -> Scene<Proxy> {
    scene_with(|config| {
        config.websocket.ping_interval = Some(Duration::from_millis(200));
        config.websocket.pong_timeout = Some(Duration::from_secs(3));
    })
    .await
}

fn all_frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some((frame, length)) = Frame::parse(bytes) {
        frames.push(frame);
        bytes = &bytes[length..];
    }
    assert!(bytes.is_empty(), "half a frame: {bytes:02x?}");
    frames
}
