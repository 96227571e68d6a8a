//! A WebSocket that the proxy itself ends, because of what a peer does or leaves undone.

use std::time::Duration;

use frontgate::config::Config;

use super::frame::Frame;
use super::peer::{CLIENT, GATEWAY};
use super::scene::{EVERY, Via, scene_with};

/// What a client does against a rule, with the settings that say so, and what both sides are told.
struct Offence {
    setting: fn(&mut Config),
    by: Option<[u8; 4]>,
    /// Frames that are allowed, and pass.
    fine: Vec<Frame>,
    /// The bytes that break the rule.
    bytes: Vec<u8>,
    client: (u16, &'static str),
    gateway: (u16, &'static str),
}

#[tokio::test]
async fn a_peer_that_breaks_a_rule_is_told_which() {
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
        Offence {
            setting: |config| config.websocket.max_control_per_minute = Some(3),
            by: CLIENT,
            fine: vec![
                Frame::ping(b"1"),
                Frame::new(0x01, "a"),
                Frame::new(0x00, ""),
                Frame::new(0x8A, ""),
                Frame::new(0x80, "b"),
            ],
            bytes: Frame::ping(b"4").masked(),
            client: (1008, "too many messages"),
            gateway: (1001, "too many client messages"),
        },
    ];
    for Offence { setting, by, fine, bytes, client: to_client, gateway: to_gateway } in offences {
        let scene = scene_with(setting).await;
        for via in EVERY {
            let (mut client, mut gateway) = scene.open(via).await;
            let (offender, other) =
                if by == CLIENT { (&mut client, &mut gateway) } else { (&mut gateway, &mut client) };
            let fine: Vec<u8> = fine.iter().flat_map(|frame| frame.bytes(by)).collect();
            offender.write([&fine[..], &bytes].concat()).await;
            other.expect(&fine).await;

            gateway.told(to_gateway.0, to_gateway.1).await;
            if by == CLIENT {
                // What it sent before is answered first.
                gateway.write(Frame::text("answer").bare()).await;
                client.expect(Frame::text("answer").bare()).await;
            }
            gateway.write(Frame::close(to_gateway.0, "").bare()).await;
            client.expect(Frame::close(to_client.0, to_client.1).bare()).await;
            client.write(Frame::close(to_client.0, "").masked()).await;
            assert_eq!((client.rest().await, gateway.rest().await), (vec![], vec![]), "{bytes:02x?}");
        }
    }
}

#[tokio::test]
async fn a_link_on_which_nothing_passes_ends_as_idle() {
    let scene = scene_with(|config| config.timeouts.read = Some(Duration::from_millis(300))).await;
    let (mut client, mut gateway) = scene.open(Via::Tls).await;
    client.expect(Frame::close(1001, "idle timeout").bare()).await;
    gateway.told(1001, "idle timeout").await;
    client.write(Frame::close(1001, "").masked()).await;
    gateway.write(Frame::close(1001, "").bare()).await;
    assert_eq!((client.rest().await, gateway.rest().await), (vec![], vec![]));
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_given_up() {
    let scene = scene_with(|config| config.timeouts.send = Some(Duration::from_secs(1))).await;
    let bytes = Frame::binary(vec![1; 64 * 1024 * 1024]);
    for from in [GATEWAY, CLIENT] {
        let (mut client, mut gateway) = scene.open(Via::Plain).await;
        let (sender, reader) = if from == CLIENT { (&mut client, &mut gateway) } else { (&mut gateway, &mut client) };
        sender.writer.write_until_stuck(&bytes.bytes(from)).await;
        let said = sender.frame().await;
        if from == CLIENT {
            assert_eq!(said, Frame::close(1012, "gateway not reading"));
        } else {
            assert!(said.mask.is_some(), "RFC 6455 §5.1: a client masks");
            assert_eq!(said, Frame { mask: said.mask, ..Frame::close(1001, "client not reading") });
        }
        sender.finish().await;
        // The reader was in the middle of a frame.
        let rest = reader.rest().await;
        assert!(bytes.bytes(from).starts_with(&rest), "{} bytes", rest.len());
    }
}
