//! Frames pass as they came, in both directions, whatever they are and however their bytes arrive.

use tokio::join;

use super::frame::Frame;
use super::peer::{CLIENT, GATEWAY, Peer};
use super::scene::{EVERY, Via, scene};

/// Messages of every kind, one after the other; `payload` is what the long ones carry.
fn messages() -> Vec<Frame> {
    vec![
        Frame::text("hello"),
        Frame::text(""),
        Frame::text("größer, 更大, 🦞"),
        Frame::binary(*b"\x00\xff\x81\x88\x00"),
        // In fragments, with control frames in between.
        Frame::new(0x01, "one "),
        Frame::ping(b"in between"),
        Frame::new(0x00, "two "),
        Frame::pong(b""),
        Frame::new(0x00, ""),
        Frame::pong(b"8 bytes!"),
        Frame::new(0x80, "three"),
        // Compressed, RFC 7692 §7.2.3.1: "Hello" in one frame, in two, and once more with the shared window.
        Frame::new(0xc1, *b"\xf2\x48\xcd\xc9\xc9\x07\x00"),
        Frame::new(0x41, *b"\xf2\x48\xcd"),
        Frame::new(0x80, *b"\xc9\xc9\x07\x00"),
        Frame::new(0xc1, *b"\xf2\x00\x11\x00\x00"),
        // Extensions that neither peer has agreed on.
        Frame::new(0xf2, "all the reserved bits"),
        // Every form of a length, and its edges.
        Frame::binary(vec![1; 125]),
        Frame::binary(vec![2; 126]),
        Frame::binary(vec![3; 0xffff]),
        Frame::binary(vec![4; 0x1_0000]),
        Frame::ping(&[5; 125]),
    ]
}

#[tokio::test]
async fn every_kind_of_frame_passes_as_it_came() {
    let scene = scene().await;
    for via in EVERY {
        let (mut client, mut gateway) = scene.open(via).await;
        for frame in messages() {
            client.write(frame.masked()).await;
            gateway.expect(frame.masked()).await;
            gateway.write(frame.bare()).await;
            client.expect(frame.bare()).await;
        }
    }
}

#[tokio::test]
async fn frames_pass_however_their_bytes_are_spread_over_writes() {
    let scene = scene().await;
    for via in EVERY {
        for size in [1, 2, 3, 7, 64, 1000, usize::MAX] {
            let (mut client, mut gateway) = scene.open(via).await;
            // One byte at a time a long frame takes long, and says no more than a short one.
            let frames: Vec<_> =
                messages().into_iter().filter(|frame| frame.payload.len() < size.saturating_mul(300)).collect();
            for mask in [CLIENT, GATEWAY] {
                let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes(mask)).collect();
                let (from, to) = if mask == CLIENT { (&mut client, &mut gateway) } else { (&mut gateway, &mut client) };
                let written = async {
                    for chunk in bytes.chunks(size.min(bytes.len())) {
                        from.write(chunk).await;
                    }
                };
                join!(written, to.expect(&bytes));
            }
        }
    }
}

#[tokio::test]
async fn a_frame_may_be_larger_than_the_gateway_takes() {
    const SIZE: usize = 25 * 1024 * 1024 + 1;
    let payload: Vec<u8> = (0..SIZE).map(|at| (at % 251).to_be_bytes()[7]).collect();
    let frame = Frame::binary(payload);
    let scene = scene().await;
    let (mut client, mut gateway) = scene.open(Via::Tls).await;
    let (up, down) = (frame.masked(), frame.bare());
    both_ways(&mut client, &up, &mut gateway, &down).await;
}

#[tokio::test]
async fn many_small_frames_pass_in_both_directions_at_once() {
    let frames = (0..20_000_u32).map(|number| Frame::binary(number.to_be_bytes().repeat(number as usize % 9)));
    let (up, down): (Vec<_>, Vec<_>) = frames.map(|frame| (frame.masked(), frame.bare())).unzip();
    let scene = scene().await;
    for via in EVERY {
        let (mut client, mut gateway) = scene.open(via).await;
        both_ways(&mut client, &up.concat(), &mut gateway, &down.concat()).await;
    }
}

/// Sends in both directions at the same time, and sees everything arrive.
async fn both_ways(client: &mut Peer, up: &[u8], gateway: &mut Peer, down: &[u8]) {
    join!(client.writer.write(up), gateway.reader.expect(up), gateway.writer.write(down), client.reader.expect(down),);
}
