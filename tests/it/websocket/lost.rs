//! A WebSocket of which one peer is gone without a word: the other one is told, if there is room for it.

use tokio::join;

use super::frame::Frame;
use super::peer::{CLIENT, GATEWAY, Peer, UPGRADE};
use super::scene::{EVERY, Scene, Via, scene, scene_of_binary, scene_with};
use crate::harness::Proxy;

/// How a peer goes without saying so.
#[derive(Debug, Clone, Copy)]
enum Gone {
    Fin,
    Killed,
    Reset,
}

const WAYS: [Gone; 3] = [Gone::Fin, Gone::Killed, Gone::Reset];

/// Lets a peer go; if there is anything left of it, it is returned.
async fn go(mut peer: Peer, how: Gone) -> Option<Peer> {
    match how {
        Gone::Fin => {
            peer.finish().await;
            return Some(peer);
        }
        Gone::Killed => peer.vanish(),
        Gone::Reset => peer.reset(),
    }
    None
}

#[tokio::test]
async fn a_client_whose_gateway_is_gone_is_told_to_come_back() {
    let scene = scene().await;
    for via in EVERY {
        for how in WAYS {
            let (mut client, mut gateway) = scene.open(via).await;
            gateway.write(Frame::text("last words").bare()).await;
            client.expect(Frame::text("last words").bare()).await;
            let _left = go(gateway, how).await;
            client.expect(Frame::close(1012, "gateway connection lost").bare()).await;
            client.write(Frame::close(1012, "").masked()).await;
            assert_eq!(client.rest().await, b"", "{via:?} {how:?}");
        }
    }
}

#[tokio::test]
async fn a_gateway_whose_client_is_gone_is_told_so() {
    let scene = scene().await;
    for via in EVERY {
        for how in WAYS {
            let (mut client, mut gateway) = scene.open(via).await;
            client.write(Frame::text("last words").masked()).await;
            gateway.expect(Frame::text("last words").masked()).await;
            let _left = go(client, how).await;
            gateway.told(1001, "client connection lost").await;
            gateway.write(Frame::close(1001, "").bare()).await;
            assert_eq!(gateway.rest().await, b"", "{via:?} {how:?}");
        }
    }
}

#[tokio::test]
async fn a_client_that_is_gone_is_noticed_behind_bytes_that_the_gateway_does_not_take() {
    // Nothing else may end them.
    let lines = ["websocket: { ping_interval: 1s, pong_timeout: off }", "timeouts: { send: off }"];
    let mut scene = scene_of_binary(&lines).await;
    for via in EVERY {
        let (mut client, mut gateway) = scene.open(via).await;
        gateway.receive_little();
        let many = Frame::binary(vec![7; 1 << 20]).masked().repeat(64);
        assert!(client.writer.write_until_stuck(&many).await < many.len(), "all of it was taken");
        client.reset();
        let line = scene.proxy.line(|line| line["message"] == "websocket").await;
        assert_eq!((&line["ended"], &line["clean"]), (&"client_lost".into(), &false.into()), "{via:?}");
        drop(gateway.rest().await);
    }
}

#[tokio::test]
async fn in_the_middle_of_a_frame_a_peer_can_only_be_cut() {
    let scene = scene().await;
    let frame = Frame::text("a frame that will never be whole");
    for via in EVERY {
        for how in WAYS {
            for from in [CLIENT, GATEWAY] {
                let (client, gateway) = scene.open(via).await;
                let (mut goes, mut stays) = if from == CLIENT { (client, gateway) } else { (gateway, client) };
                let bytes = frame.bytes(from);
                goes.write(&bytes[..12]).await;
                stays.expect(&bytes[..12]).await;
                let _left = go(goes, how).await;
                assert_eq!(stays.rest().await, b"", "{via:?} {how:?} from {from:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_frame_of_which_only_a_part_of_the_head_came_leaves_room_for_a_close() {
    let scene = scene().await;
    let (mut client, mut gateway) = scene.open(Via::Tls).await;
    gateway.write(&Frame::binary(vec![0; 300]).bare()[..3]).await;
    let _left = go(gateway, Gone::Fin).await;
    client.expect(Frame::close(1012, "gateway connection lost").bare()).await;
}

#[tokio::test]
async fn what_a_gateway_sent_before_it_was_gone_arrives_before_the_close() {
    let scene = scene().await;
    for via in EVERY {
        let (mut client, mut gateway) = scene.open(via).await;
        let message = Frame::binary(vec![1; 3_000_000]).bare();
        let ((), ()) = join!(
            async {
                gateway.write(&message).await;
                gateway.finish().await;
            },
            client.expect(&message)
        );
        client.expect(Frame::close(1012, "gateway connection lost").bare()).await;
    }
}

#[tokio::test]
async fn a_websocket_keeps_its_clients_permit_until_it_ends() {
    let scene = scene_with(|config| config.limits.connections_per_client = Some(2)).await;
    let (first, second) = (scene.open(Via::Plain).await, scene.open(Via::Plain).await);
    assert!(ask(&scene).await.is_none(), "a third one is turned away");
    drop(first);
    // The end of a connection is not seen at once; but then its permit is free again.
    while ask(&scene).await.is_none() {}
    drop(second);
}

/// Asks for a WebSocket: the gateway's end, or `None` if the gateway is not asked for it.
async fn ask(scene: &Scene<Proxy>) -> Option<Peer> {
    let mut client = scene.connect(Via::Plain).await;
    // A client that is turned away may have been so already.
    let _ = client.try_write(UPGRADE).await;
    scene.accept_or_end_of(&mut client).await
}
