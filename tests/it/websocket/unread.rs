//! What a WebSocket costs one side of which does not read.
#![expect(clippy::print_stdout, reason = "figures are for people")]

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::frame::Frame;
use super::scene::{EVERY, Via, scene_of_binary};
use crate::harness::Binary;

/// How many WebSockets there are; `UNREAD_SOCKETS` says otherwise.
const SOCKETS: usize = 40;
/// KiB of the program's memory that one WebSocket may take.
const MOST: u64 = 96;
/// The same over HTTP/2 where it is the gateway that does not read: the window of a stream, and what lies around it.
const MOST_OF_A_WINDOW: u64 = 384;
/// KiB that may be kept when all of them have left: buffers for the next.
const KEPT: u64 = 4 * 1024;
/// For how long what was used on the way, and is free again, may take to come back.
const SETTLES: Duration = Duration::from_secs(30);

#[tokio::test]
async fn it_costs_a_few_buffers_and_gives_them_back() {
    let count = std::env::var("UNREAD_SOCKETS").map_or(SOCKETS, |count| count.parse().unwrap());
    let mut over = Vec::new();
    for via in EVERY {
        // Nothing ends them: what they take would come back with them.
        let lines =
            ["websocket: { ping_interval: off }", "timeouts: { send: off }", "limits: { connections_per_client: off }"];
        let mut scene = scene_of_binary(&lines).await;
        // These first WebSockets make what the program makes once and keeps.
        drop(stuck(&scene, via, 4, false, 100).await);
        drop(stuck(&scene, via, 4, true, 100).await);
        for _ in 0..8 {
            scene.proxy.line(|line| line["message"] == "websocket").await;
        }
        let at_rest = scene.proxy.own_memory();
        for (to_client, size) in [(true, 100), (true, 1 << 20), (false, 100), (false, 1 << 20)] {
            let before = scene.proxy.own_memory();
            let most = if via == Via::Http2 && !to_client { MOST_OF_A_WINDOW } else { MOST };
            let sockets = stuck(&scene, via, count, to_client, size).await;
            let each = settled(&scene.proxy, before, most * count as u64).await / count as u64;
            drop(sockets);
            for _ in 0..count {
                scene.proxy.line(|line| line["message"] == "websocket").await;
            }
            let kept = settled(&scene.proxy, at_rest, KEPT).await;
            let what =
                format!("{via:?}, to the client {to_client}, frames of {size}: {each} KiB each, {kept} KiB kept");
            println!("{what}");
            if each > most || kept > KEPT {
                over.push(what);
            }
        }
    }
    assert!(over.is_empty(), "{over:#?}");
}

/// The KiB that `proxy` takes over `before`, once they are no more than `most`, or stay more.
async fn settled(proxy: &Binary, before: u64, most: u64) -> u64 {
    let end = Instant::now() + SETTLES;
    loop {
        let more = proxy.own_memory().saturating_sub(before);
        if more <= most || Instant::now() > end {
            return more;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// As many WebSockets, each filled from one side until nothing more is taken.
async fn stuck(
    scene: &super::scene::Scene<Binary>,
    via: Via,
    count: usize,
    to_client: bool,
    size: usize,
) -> Vec<(super::peer::Peer, super::peer::Peer)> {
    let mut sockets = Vec::new();
    for _ in 0..count {
        sockets.push(scene.open(via).await);
    }
    let frame = Frame::binary(vec![7; size]);
    let bytes = if to_client { frame.bare() } else { frame.masked() };
    let many = bytes.repeat((64 << 20) / bytes.len());
    join_all(sockets.iter_mut().map(async |(client, gateway)| {
        let (sender, receiver) = if to_client { (gateway, client) } else { (client, gateway) };
        receiver.receive_little();
        let taken = sender.writer.write_until_stuck(&many).await;
        assert!(taken < many.len(), "all of it was taken");
    }))
    .await;
    sockets
}
