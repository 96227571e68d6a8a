//! How a silent leg is kept alive, and given up.

use super::*;
use crate::websocket::summary::PingStats;

#[tokio::test(start_paused = true)]
async fn each_leg_is_pinged_for_its_own_silence() {
    let mut link = setup().open();
    // The gateway talks every 5 s, the client never does.
    for second in (5..=20).step_by(5) {
        sleep(secs(5)).await;
        link.gateway.send(TEXT, b"tick").await;
        link.client.gets(TEXT, b"tick").await;
        assert_eq!(link.age(), secs(second));
    }
    link.client.gets_ping().await;
    assert_eq!(link.age(), secs(20));
    link.gateway.sees_nothing_for(secs(19)).await;
    link.gateway.gets_ping().await;
    assert_eq!(link.age(), secs(40));
}

#[tokio::test(start_paused = true)]
async fn a_silent_leg_is_pinged_every_interval_each_time_differently() {
    let mut link = setup().with(|settings| settings.silence.pong_timeout = None).open();
    let mut seen = Vec::new();
    for ping in 1..=20 {
        for payload in [link.client.gets_ping().await, link.gateway.gets_ping().await] {
            assert!(!seen.contains(&payload), "a ping with the payload of another");
            seen.push(payload);
        }
        assert_eq!(link.age(), secs(20 * ping));
    }
    assert!(link.is_open());
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_our_ping_stays_here_and_is_measured() {
    let mut link = setup().open();
    let answer_twice = async |peer: &mut Peer, after| {
        for _ in 0..2 {
            let ping = peer.gets_ping().await;
            sleep(secs(after)).await;
            peer.send(PONG, &ping).await;
        }
    };
    tokio::join!(answer_twice(&mut link.client, 3), answer_twice(&mut link.gateway, 1));
    // What passes next is what the peers send themselves.
    link.client.send(TEXT, b"up").await;
    link.gateway.gets(TEXT, b"up").await;
    link.gateway.send(TEXT, b"down").await;
    link.client.gets(TEXT, b"down").await;

    link.client.close(1000, "").await;
    link.gateway.gets_close(1000, "").await;
    link.gateway.close(1000, "").await;
    let summary = link.ends("client_closed", None, None, true).await;
    assert_eq!(link.counted(r#"ping_seconds_sum{leg="client"}"#), "6.0");
    assert_eq!(link.counted(r#"ping_seconds_bucket{le="1.0",leg="gateway"}"#), "2");
    let seen = |pings: PingStats| (pings.sent(), pings.measured(), pings.last());
    let expected = |each| (2, (2, secs(2 * each)), Some(secs(each)));
    assert_eq!((seen(summary.client.pings), seen(summary.gateway.pings)), (expected(3), expected(1)));
    assert_eq!((summary.client.sent.frames, summary.gateway.sent.frames), (2, 2), "pongs to us are not counted");
}

#[tokio::test(start_paused = true)]
async fn pings_and_pongs_of_the_peers_are_theirs() {
    let mut link = setup().open();
    let ours = link.client.gets_ping().await;
    link.gateway.send(PING, b"25 s").await;
    link.client.gets(PING, b"25 s").await;
    link.client.send(PONG, b"25 s").await;
    // The ping of ours to the client is no ping to the gateway: its echo from there is the gateway's own business.
    link.gateway.gets_ping().await;
    link.gateway.gets(PONG, b"25 s").await;
    link.gateway.send(PONG, &ours).await;
    link.client.gets(PONG, &ours).await;
    // Of two equal pongs only the first answers us.
    link.client.send(PONG, &ours).await;
    link.client.send(PONG, &ours).await;
    link.gateway.gets(PONG, &ours).await;
    link.gateway.sees_nothing_for(secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_ping_goes_between_the_fragments_of_a_message() {
    let mut link = setup().open();
    link.gateway.send(0x01, b"first half, ").await;
    link.client.gets(0x01, b"first half, ").await;
    link.client.gets_ping().await;
    assert_eq!(link.age(), secs(20));
    link.gateway.send(0x80, b"second half").await;
    link.client.gets(0x80, b"second half").await;
}

#[tokio::test(start_paused = true)]
async fn a_ping_waits_for_the_frame_to_end() {
    for side in [Side::Client, Side::Gateway] {
        let mut link = setup().open();
        let (from, to) = match side {
            Side::Client => (&mut link.client, &mut link.gateway),
            Side::Gateway => (&mut link.gateway, &mut link.client),
        };
        let whole = from.frame(BINARY, b"a frame that takes its time");
        from.send_raw(&whole[..15]).await;
        let mut began = [0; 15];
        to.io.read_exact(&mut began).await.unwrap();
        assert_eq!(began, whole[..15]);
        to.sees_nothing_for(secs(50)).await;
        // Another frame follows at once; the ping goes between the two.
        from.send_raw(&[&whole[15..], &whole[..]].concat()).await;
        let mut rest = vec![0; whole.len() - 15];
        to.io.read_exact(&mut rest).await.unwrap();
        assert_eq!(rest, whole[15..]);
        to.gets_ping().await;
        to.gets(BINARY, b"a frame that takes its time").await;
        assert_eq!(link.age(), secs(50));
    }
}

#[tokio::test(start_paused = true)]
async fn a_ping_that_has_begun_is_finished_before_anything_else() {
    // A ping to the gateway is 14 bytes long: the connection takes 4 of them.
    let mut link = setup().room(4).open();
    sleep(secs(25)).await;
    let frame = link.client.frame(TEXT, b"hi");
    let (client, gateway) = (&mut link.client, &mut link.gateway);
    tokio::join!(client.send_raw(&frame), async {
        sleep(secs(5)).await;
        gateway.gets_ping().await;
        gateway.gets(TEXT, b"hi").await;
    });
    link.client.gets_ping().await;
}

#[tokio::test(start_paused = true)]
async fn a_close_waits_for_a_ping_that_has_begun() {
    let mut link = setup().room(4).open();
    sleep(secs(21)).await;
    link.drain.soften();
    sleep(secs(1)).await;
    link.gateway.gets_ping().await;
    link.gateway.gets_close(1001, "proxy restart").await;
    link.client.gets_ping().await;
    link.client.gets_close(1012, "service restart").await;
}

#[tokio::test(start_paused = true)]
async fn a_close_takes_the_place_of_a_ping_that_has_not_begun() {
    let mut link = setup().open();
    let whole = link.gateway.frame(TEXT, b"slow");
    link.gateway.send_raw(&whole[..3]).await;
    sleep(secs(21)).await;
    link.drain.soften();
    sleep(secs(1)).await;
    link.gateway.send_raw(&whole[3..]).await;
    link.client.gets(TEXT, b"slow").await;
    link.client.gets_close(1012, "service restart").await;
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_does_not_answer_is_given_up_and_the_client_told() {
    let mut link = setup().open();
    for _ in 0..6 {
        link.gateway.gets_ping().await;
        let ping = link.client.gets_ping().await;
        link.client.send(PONG, &ping).await;
    }
    link.client.gets_close(1012, "gateway not responding").await;
    assert_eq!(link.age(), secs(140), "two minutes after the first ping");
    link.gateway.gets_close(1001, "gateway not responding").await;
    link.client.close(1012, "").await;
    link.ends("gateway_silent", Some(1012), Some(1001), true).await;
    assert_eq!(link.age(), secs(140), "no client waits for the gateway");
    link.client.ends().await;
    link.gateway.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_answer_is_given_up_and_the_gateway_told() {
    let mut link = setup().open();
    for _ in 0..6 {
        link.client.gets_ping().await;
        let ping = link.gateway.gets_ping().await;
        link.gateway.send(PONG, &ping).await;
    }
    link.gateway.gets_close(1001, "client not responding").await;
    assert_eq!(link.age(), secs(140));
    link.client.gets_close(1001, "client not responding").await;
    link.gateway.close(1001, "").await;
    link.ends("client_silent", Some(1001), Some(1001), true).await;
    assert_eq!(link.age(), secs(140));
}

#[tokio::test(start_paused = true)]
async fn a_peer_silent_in_mid_frame_leaves_the_other_cut_at_once() {
    for silent in [Side::Client, Side::Gateway] {
        let mut link = setup().open();
        let (quiet, alive) = match silent {
            Side::Client => (&mut link.client, &mut link.gateway),
            Side::Gateway => (&mut link.gateway, &mut link.client),
        };
        let whole = quiet.frame(TEXT, b"never finished");
        quiet.send_raw(&whole[..10]).await;
        let mut sent = [0; 10];
        alive.io.read_exact(&mut sent).await.unwrap();
        let (name, client, gateway) = match silent {
            Side::Client => ("client_silent", Some(1001), None),
            Side::Gateway => ("gateway_silent", None, Some(1001)),
        };
        let talk = async {
            loop {
                sleep(secs(5)).await;
                if alive.io.write_all(&frame(alive.side, PONG, b"")).await.is_err() {
                    return;
                }
            }
        };
        tokio::join!(talk, async { while quiet.read().await != Seen::End {} });
        let summary = link.ends(name, client, gateway, false).await;
        assert_eq!(summary.lasted, secs(140));
    }
}

#[tokio::test(start_paused = true)]
async fn any_byte_is_a_sign_of_life() {
    let mut link = setup().open();
    for _ in 0..40 {
        link.client.gets_ping().await;
        let ping = link.gateway.gets_ping().await;
        link.gateway.send(PONG, &ping).await;
        // Not the answer, and not even a whole frame.
        let pong = link.client.frame(PONG, b"");
        link.client.send_raw(&pong[..1]).await;
        link.client.send_raw(&pong[1..]).await;
        link.gateway.gets(PONG, b"").await;
    }
    assert!(link.is_open());
}
