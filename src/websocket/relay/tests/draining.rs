//! How links end when frontgate drains.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_drain_tells_both_sides_to_come_back() {
    let mut link = setup().open();
    sleep(secs(3)).await;
    link.drain.soften();
    link.client.gets_close(1012, "service restart").await;
    link.gateway.gets_close(1001, "proxy restart").await;
    link.client.close(1012, "").await;
    link.gateway.close(1001, "").await;
    link.client.ends().await;
    link.gateway.ends().await;
    let summary = link.ends("draining", Some(1012), Some(1001), true).await;
    assert_eq!(summary.ended, WebSocketEnd::Draining);
    assert_eq!(summary.lasted, secs(3), "alone, it need not wait for its turn");
}

#[tokio::test(start_paused = true)]
async fn many_links_leave_one_after_the_other_within_part_of_the_drain() {
    let drain = Drain::new();
    let buffers = Arc::new(BufferPool::new());
    let mut relays = JoinSet::new();
    let mut peers = Vec::new();
    for _ in 0..2000 {
        let (client, client_end) = Peer::new(Side::Client, 64);
        let (gateway, gateway_end) = Peer::new(Side::Gateway, 64);
        let mut relay = Relay::new(
            RelayEnd { io: client_end, first: Bytes::new() },
            RelayEnd { io: gateway_end, first: Bytes::new() },
            Arc::new(setup().settings),
        );
        let (done, wait) = tokio::sync::oneshot::channel();
        let (buffers, watched) = (buffers.clone(), drain.clone());
        drain.spawn(async move { _ = done.send(relay.run(&buffers, &watched).await) });
        relays.spawn(wait);
        peers.push((client, gateway));
    }
    drain.soften();
    let began = Instant::now();
    let mut left = Vec::new();
    for (mut client, mut gateway) in peers {
        let mut peers = JoinSet::new();
        peers.spawn(async move {
            client.gets_close(1012, "service restart").await;
            client.close(1012, "").await;
            gateway.gets_close(1001, "proxy restart").await;
            gateway.close(1001, "").await;
        });
        relays.spawn(async move {
            peers.join_next().await;
            std::future::pending().await
        });
    }
    while left.len() < 2000 {
        if let Some(Ok(Ok(summary))) = relays.join_next().await {
            assert!(summary.clean);
            left.push(began.elapsed());
        }
    }
    let (first, last) = (left[0], left[1999]);
    assert!(first < secs(1), "the first leaves after {first:?}");
    assert!(secs(14) < last && last <= secs(15), "the last leaves after {last:?}");
    let half = left[999];
    assert!(secs(6) < half && half < secs(9), "half have left after {half:?}");
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_is_passing_is_finished_first() {
    let mut link = setup().open();
    let whole = link.gateway.frame(BINARY, &[9; 1000]);
    link.gateway.send_raw(&whole[..10]).await;
    link.settle().await;
    link.drain.soften();
    link.gateway.gets_close(1001, "proxy restart").await;
    // The frame takes longer than a peer has for its answer, but it moves.
    for part in whole[10..].chunks(200) {
        sleep(secs(4)).await;
        link.gateway.send_raw(part).await;
    }
    link.client.gets(BINARY, &[9; 1000]).await;
    link.client.gets_close(1012, "service restart").await;
    link.client.close(1012, "").await;
    link.gateway.close(1001, "").await;
    link.ends("draining", Some(1012), Some(1001), true).await;
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_does_not_move_is_cut() {
    let mut link = setup().open();
    let whole = link.gateway.frame(BINARY, &[9; 1000]);
    link.gateway.send_raw(&whole[..10]).await;
    link.settle().await;
    link.drain.soften();
    assert_eq!(link.client.sees().await, Seen::Cut(10));
    let summary = link.ends("draining", None, Some(1001), false).await;
    assert!(secs(5) <= summary.lasted && summary.lasted < secs(6), "{:?}", summary.lasted);
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_moves_for_ever_is_cut_all_the_same() {
    let mut link = setup().open();
    let whole = link.gateway.frame(BINARY, &[9; 1000]);
    link.gateway.send_raw(&whole[..10]).await;
    link.settle().await;
    link.drain.soften();
    for byte in &whole[10..] {
        sleep(secs(1)).await;
        if link.gateway.io.write_all(&[*byte]).await.is_err() {
            break;
        }
    }
    let summary = link.ends("draining", None, Some(1001), false).await;
    assert!(secs(35) <= summary.lasted && summary.lasted <= secs(36), "{:?}", summary.lasted);
}

#[tokio::test(start_paused = true)]
async fn a_peer_lost_in_the_frame_that_is_waited_for_leaves_the_other_cut_at_once() {
    let mut link = setup().open();
    let whole = link.client.frame(BINARY, &[9; 1000]);
    link.client.send_raw(&whole[..10]).await;
    link.settle().await;
    link.drain.soften();
    link.client.gets_close(1012, "service restart").await;
    link.client.io.shutdown().await.unwrap();
    assert_eq!(link.gateway.sees().await, Seen::Cut(10));
    let summary = link.ends("draining", Some(1012), None, false).await;
    assert!(summary.lasted < secs(1), "{:?}", summary.lasted);
}

#[tokio::test(start_paused = true)]
async fn a_close_that_is_passing_is_as_good_as_ours() {
    let mut link = setup().open();
    let theirs = link.gateway.frame(CLOSE, &close(1012, "service restart"));
    link.gateway.send_raw(&theirs[..6]).await;
    link.settle().await;
    link.drain.soften();
    link.gateway.gets_close(1001, "proxy restart").await;
    link.gateway.send_raw(&theirs[6..]).await;
    link.client.gets_close(1012, "service restart").await;
    link.client.close(1012, "").await;
    let summary = link.ends("draining", None, Some(1001), true).await;
    assert!(summary.lasted < secs(1), "{:?}", summary.lasted);
}

#[tokio::test(start_paused = true)]
async fn a_hard_stop_cuts_at_once() {
    let mut link = setup().open();
    sleep(secs(1)).await;
    link.drain.harden();
    link.client.ends().await;
    link.gateway.ends().await;
    let summary = link.ends("draining", None, None, false).await;
    assert_eq!((summary.ended, summary.lasted), (WebSocketEnd::Cut, secs(1)));
}

#[tokio::test(start_paused = true)]
async fn a_hard_stop_ends_the_wait_of_a_soft_one() {
    let mut link = setup().open();
    link.drain.soften();
    link.client.gets_close(1012, "service restart").await;
    link.drain.harden();
    let summary = link.ends("draining", Some(1012), Some(1001), true).await;
    assert!(summary.lasted < secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_ending_already_ends_as_what_it_is() {
    let mut link = setup().open();
    link.client.close(1000, "").await;
    link.gateway.gets_close(1000, "").await;
    link.drain.soften();
    link.client.sees_nothing_for(secs(20)).await;
    link.gateway.close(1000, "").await;
    link.client.gets_close(1000, "").await;
    link.ends("client_closed", None, None, true).await;
}
