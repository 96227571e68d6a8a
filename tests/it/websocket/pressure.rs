//! A reader that is slower than the sender stops the sender; nothing piles up in between.
#![expect(clippy::print_stdout, reason = "figures are for people")]

use tokio::join;

use super::frame::Frame;
use super::scene::{Via, scene_of_binary};

/// Two of the largest frames that the gateway takes, and a byte.
const SIZE: usize = 2 * 25 * 1024 * 1024 + 1;

/// What the kernel keeps for a sender and a receiver on each of two connections, generously.
const KERNELS: usize = 32 * 1024 * 1024;

/// What the program's memory may grow by meanwhile, in KiB.
const ROOM: u64 = 4 * 1024;

#[tokio::test]
async fn a_slow_reader_stops_the_sender_and_memory_stays_flat() {
    let scene = scene_of_binary(&["websocket: { ping_interval: off }"]).await;
    // This first WebSocket makes what the program makes once and keeps.
    let (mut client, mut gateway) = scene.open(Via::Tls).await;
    let frame = Frame::binary(vec![7; 1024 * 1024]);
    let (up, down) = (frame.masked(), frame.bare());
    join!(client.writer.write(&up), gateway.reader.expect(&up));
    join!(gateway.writer.write(&down), client.reader.expect(&down));

    let frame = Frame::binary(vec![9; SIZE]);
    for from_gateway in [true, false] {
        let before = scene.proxy.peak_memory();
        let (mut client, mut gateway) = scene.open(Via::Tls).await;
        let (sender, reader, bytes) = if from_gateway {
            (&mut gateway, &mut client, frame.bare())
        } else {
            (&mut client, &mut gateway, frame.masked())
        };
        let stuck_at = sender.writer.write_until_stuck(&bytes).await;
        assert!(stuck_at < KERNELS, "{stuck_at} bytes were taken that no peer read");
        join!(sender.writer.write(&bytes[stuck_at..]), reader.reader.expect(&bytes));
        let grown = scene.proxy.peak_memory().saturating_sub(before);
        println!("taken unread: {} KiB; memory grew by {grown} KiB", stuck_at / 1024);
        assert!(grown < ROOM, "memory grew by {grown} KiB");
    }
}
