//! How a WebSocket ends: the table of the same name, row by row, as both peers see it.

use std::time::Duration;

use frontgate::config::Config;
use tokio::join;

use super::frame::Frame;
use super::peer::{CLIENT, GATEWAY, Peer, UPGRADE};
use super::scene::{BOTH, Via, scene, scene_with};

#[tokio::test]
async fn a_close_passes_verbatim_and_so_does_its_answer() {
    let closes = [
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
    for via in BOTH {
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
    for via in BOTH {
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
    for via in BOTH {
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
    for via in BOTH {
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

#[tokio::test]
async fn what_a_gateway_sent_before_it_was_gone_arrives_before_the_close() {
    let scene = scene().await;
    for via in BOTH {
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
    for via in BOTH {
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
    for via in BOTH {
        for how in WAYS {
            let (mut client, mut gateway) = scene.open(via).await;
            client.write(Frame::text("last words").masked()).await;
            gateway.expect(Frame::text("last words").masked()).await;
            let _left = go(client, how).await;
            let said = gateway.frame().await;
            assert_eq!(said, ours(1001, "client connection lost", said.mask), "{via:?} {how:?}");
            gateway.write(Frame::close(1001, "").bare()).await;
            assert_eq!(gateway.rest().await, b"", "{via:?} {how:?}");
        }
    }
}

#[tokio::test]
async fn in_the_middle_of_a_frame_a_peer_can_only_be_cut() {
    let scene = scene().await;
    let frame = Frame::text("a frame that will never be whole");
    for via in BOTH {
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

/// What a client does that it may not, with the settings that say so, and what both sides are told.
struct Offence {
    setting: fn(&mut Config),
    by: Option<[u8; 4]>,
    /// What is all right, and passes.
    fine: Vec<Frame>,
    /// What is not.
    bytes: Vec<u8>,
    client: (u16, &'static str),
    gateway: (u16, &'static str),
}

#[tokio::test]
async fn who_breaks_a_rule_is_told_which() {
    let protocol = |bytes: Vec<u8>| Offence {
        setting: |_| {},
        by: CLIENT,
        fine: vec![Frame::text("fine")],
        bytes,
        client: (1002, "protocol error"),
        gateway: (1001, "client protocol error"),
    };
    let by_gateway = |bytes: Vec<u8>| Offence {
        by: GATEWAY,
        client: (1014, "bad gateway"),
        gateway: (1002, "protocol error"),
        ..protocol(bytes)
    };
    let too_big = |setting: fn(&mut Config), fine: Vec<Frame>, frame: Frame| Offence {
        setting,
        by: CLIENT,
        fine,
        bytes: frame.masked(),
        client: (1009, "message too big"),
        gateway: (1001, "client message too big"),
    };
    let offences = [
        protocol(Frame::text("unmasked").bare()),
        protocol(Frame::new(0x83, "a reserved opcode").masked()),
        protocol(Frame::new(0x80, "goes on with nothing").masked()),
        protocol(Frame::new(0x09, "a ping in fragments").masked()),
        protocol(Frame::ping(&[0; 126]).masked()),
        protocol(Frame::new(0x88, [3]).masked()),
        protocol(b"\x82\xfe\x00\x05\x00\x00\x00\x00hello".to_vec()),
        protocol(b"\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00".to_vec()),
        by_gateway(Frame::text("masked").masked()),
        by_gateway(Frame::new(0x8b, "a reserved opcode").bare()),
        too_big(
            |config| config.websocket.max_frame = Some(1000),
            vec![Frame::binary(vec![0; 1000])],
            Frame::binary(vec![0; 1001]),
        ),
        too_big(
            |config| config.websocket.max_message = Some(1000),
            vec![Frame::binary(vec![0; 1000]), Frame::new(0x01, [1; 600]), Frame::new(0x00, [2; 400])],
            Frame::new(0x80, [3; 1]),
        ),
        Offence {
            setting: |config| config.websocket.max_messages_per_minute = Some(3),
            by: CLIENT,
            fine: vec![
                Frame::text("1"),
                Frame::new(0x01, "2"),
                Frame::ping(b""),
                Frame::new(0x80, ""),
                Frame::text("3"),
            ],
            bytes: Frame::text("4").masked(),
            client: (1008, "too many messages"),
            gateway: (1001, "too many client messages"),
        },
    ];
    for Offence { setting, by, fine, bytes, client: to_client, gateway: to_gateway } in offences {
        let scene = scene_with(setting).await;
        for via in BOTH {
            let (mut client, mut gateway) = scene.open(via).await;
            let (offender, other) =
                if by == CLIENT { (&mut client, &mut gateway) } else { (&mut gateway, &mut client) };
            let fine: Vec<u8> = fine.iter().flat_map(|frame| frame.bytes(by)).collect();
            offender.write([&fine[..], &bytes].concat()).await;
            other.expect(&fine).await;

            let said = gateway.frame().await;
            assert_eq!(said, ours(to_gateway.0, to_gateway.1, said.mask), "{bytes:02x?}");
            client.expect(Frame::close(to_client.0, to_client.1).bare()).await;
            gateway.write(Frame::close(to_gateway.0, "").bare()).await;
            client.write(Frame::close(to_client.0, "").masked()).await;
            // What comes after an offence is not looked at, a Close included: only the end of the connection says "done".
            if by == CLIENT {
                client.finish().await;
            } else {
                gateway.finish().await;
            }
            assert_eq!((client.rest().await, gateway.rest().await), (vec![], vec![]), "{bytes:02x?}");
        }
    }
}

#[tokio::test]
async fn a_link_on_which_nothing_passes_ends_as_idle() {
    let scene = scene_with(|config| config.timeouts.read = Some(Duration::from_millis(300))).await;
    let (mut client, mut gateway) = scene.open(Via::Tls).await;
    client.expect(Frame::close(1001, "idle timeout").bare()).await;
    let said = gateway.frame().await;
    assert_eq!(said, ours(1001, "idle timeout", said.mask));
    client.write(Frame::close(1001, "").masked()).await;
    gateway.write(Frame::close(1001, "").bare()).await;
    assert_eq!((client.rest().await, gateway.rest().await), (vec![], vec![]));
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_given_up() {
    let scene = scene_with(|config| {
        config.timeouts.send = Some(Duration::from_secs(1));
        config.websocket.ping_interval = Some(Duration::from_millis(500));
    })
    .await;
    let bytes = Frame::binary(vec![1; 64 * 1024 * 1024]);
    for from in [GATEWAY, CLIENT] {
        let (mut client, mut gateway) = scene.open(Via::Plain).await;
        let (sender, reader) = if from == CLIENT { (&mut client, &mut gateway) } else { (&mut gateway, &mut client) };
        sender.writer.write_until_stuck(&bytes.bytes(from)).await;
        let (said, _) = sender.reader.frame_after_pings().await;
        if from == CLIENT {
            assert_eq!(said, Frame::close(1012, "gateway not reading"));
        } else {
            assert_eq!(said, ours(1001, "client not reading", said.mask));
        }
        sender.finish().await;
        // It was in the middle of a frame.
        let rest = reader.rest().await;
        assert!(bytes.bytes(from).starts_with(&rest), "{} bytes", rest.len());
    }
}

#[tokio::test]
async fn a_websocket_keeps_its_clients_place_until_it_ends() {
    let scene = scene_with(|config| config.limits.connections_per_client = Some(2)).await;
    let (first, second) = (scene.open(Via::Plain).await, scene.open(Via::Plain).await);
    let mut third = scene.connect(Via::Plain).await;
    assert_eq!(third.rest().await, b"", "it is turned away");
    drop(first);
    // Ends are not seen at once; but then there is a place again.
    loop {
        let mut client = scene.connect(Via::Plain).await;
        if client.try_write(UPGRADE).await.is_ok() {
            let mut granted = scene.accept_or_end_of(&mut client).await;
            if let Some(gateway) = &mut granted {
                gateway.grant().await;
                assert!(client.head().await.starts_with("HTTP/1.1 101 "));
                break;
            }
        }
    }
    drop(second);
}

/// A Close of the proxy's own towards the gateway: masked, with whatever.
fn ours(code: u16, reason: &str, mask: Option<[u8; 4]>) -> Frame {
    assert!(mask.is_some(), "RFC 6455 §5.1: a client masks");
    Frame { mask, ..Frame::close(code, reason) }
}
