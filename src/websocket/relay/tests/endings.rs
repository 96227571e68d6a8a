//! The table "How a WebSocket ends".

use super::*;

#[tokio::test(start_paused = true)]
async fn a_close_of_the_client_and_its_answer_pass_verbatim() {
    let mut relay_test = setup().open();
    relay_test.client.close(4000, "tick timeout").await;
    relay_test.gateway.gets_close(4000, "tick timeout").await;
    relay_test.gateway.close(4000, "so be it").await;
    relay_test.client.gets_close(4000, "so be it").await;
    relay_test.client.ends().await;
    relay_test.gateway.ends().await;
    let summary = relay_test.ends("client_closed", None, None, true).await;
    assert_eq!(relay_test.age(), secs(0));
    let (client, gateway) = (summary.client.said.unwrap(), summary.gateway.said.unwrap());
    assert_eq!((client.code, client.reason.as_str()), (Some(4000), "tick timeout"));
    assert_eq!((gateway.code, gateway.reason.as_str()), (Some(4000), "so be it"));
}

#[tokio::test(start_paused = true)]
async fn a_close_of_the_gateway_and_its_answer_pass_verbatim() {
    let mut relay_test = setup().open();
    relay_test.gateway.send(TEXT, b"last words").await;
    relay_test.gateway.close(1008, "pairing required").await;
    relay_test.client.gets(TEXT, b"last words").await;
    relay_test.client.gets_close(1008, "pairing required").await;
    relay_test.client.send(CLOSE, b"").await;
    relay_test.gateway.gets(CLOSE, b"").await;
    let summary = relay_test.ends("gateway_closed", None, None, true).await;
    assert_eq!(relay_test.age(), secs(0));
    assert_eq!(summary.client.said.unwrap().code, None);
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_close_is_dropped() {
    let mut relay_test = setup().open();
    let after = [relay_test.client.frame(CLOSE, b""), relay_test.client.frame(TEXT, b"too late")].concat();
    relay_test.client.send_raw(&after).await;
    relay_test.client.send(TEXT, b"much too late").await;
    relay_test.gateway.gets(CLOSE, b"").await;
    relay_test.gateway.sees_nothing_for(secs(1)).await;
    // The other direction goes on until its own Close.
    relay_test.gateway.send(TEXT, b"still talking").await;
    relay_test.gateway.send(CLOSE, b"").await;
    relay_test.client.gets(TEXT, b"still talking").await;
    relay_test.client.gets(CLOSE, b"").await;
    relay_test.ends("client_closed", None, None, true).await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_answers_a_close_is_waited_for_35_seconds() {
    for side in [Side::Client, Side::Gateway] {
        let mut relay_test = setup().open();
        let (from, to, name) = match side {
            Side::Client => (&mut relay_test.client, &mut relay_test.gateway, "client_closed"),
            Side::Gateway => (&mut relay_test.gateway, &mut relay_test.client, "gateway_closed"),
        };
        from.close(1000, "bye").await;
        to.gets_close(1000, "bye").await;
        from.sees_nothing_for(secs(34)).await;
        from.ends().await;
        to.ends().await;
        // The peer that asked to close had no answer.
        relay_test.ends(name, None, None, false).await;
        assert_eq!(relay_test.age(), secs(35));
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_closed_may_leave_before_the_answer() {
    let mut relay_test = setup().open();
    relay_test.client.close(1000, "").await;
    relay_test.client.io.shutdown().await.unwrap();
    relay_test.gateway.gets_close(1000, "").await;
    sleep(secs(1)).await;
    relay_test.gateway.close(1000, "").await;
    relay_test.client.gets_close(1000, "").await;
    relay_test.ends("client_closed", None, None, true).await;
    assert_eq!(relay_test.age(), secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_closed_is_told_when_the_other_goes_without_an_answer() {
    let mut relay_test = setup().open();
    relay_test.client.close(1000, "").await;
    relay_test.gateway.gets_close(1000, "").await;
    relay_test.gateway.io.shutdown().await.unwrap();
    relay_test.client.gets_close(1012, "gateway connection lost").await;
    relay_test.client.ends().await;
    relay_test.ends("client_closed", Some(1012), None, true).await;
    assert_eq!(relay_test.age(), secs(0));

    let mut relay_test = setup().open();
    relay_test.gateway.close(1000, "").await;
    relay_test.client.gets_close(1000, "").await;
    relay_test.client.io.shutdown().await.unwrap();
    relay_test.gateway.gets_close(1001, "client connection lost").await;
    relay_test.ends("gateway_closed", None, Some(1001), true).await;
    assert_eq!(relay_test.age(), secs(0));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_closed_is_told_when_the_other_answers_with_what_is_no_frame() {
    let mut relay_test = setup().open();
    relay_test.client.close(1000, "").await;
    relay_test.gateway.gets_close(1000, "").await;
    relay_test.gateway.send_raw(b"HTTP/1.1 500").await;
    relay_test.client.gets_close(1014, "bad gateway").await;
    relay_test.client.ends().await;
    relay_test.gateway.io.shutdown().await.unwrap();
    relay_test.ends("client_closed", Some(1014), None, true).await;
    assert_eq!(relay_test.age(), secs(0));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_is_lost_is_a_restart_to_the_client() {
    let mut relay_test = setup().open();
    relay_test.gateway.send(TEXT, b"before").await;
    relay_test.gateway.io.shutdown().await.unwrap();
    relay_test.client.gets(TEXT, b"before").await;
    relay_test.client.gets_close(1012, "gateway connection lost").await;
    relay_test.client.close(1012, "").await;
    relay_test.client.ends().await;
    relay_test.ends("gateway_lost", Some(1012), None, true).await;
    assert_eq!(relay_test.age(), secs(0));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_lost_has_gone_away_to_the_gateway() {
    let mut relay_test = setup().open();
    relay_test.client.send(TEXT, b"before").await;
    relay_test.client.io.shutdown().await.unwrap();
    relay_test.gateway.gets(TEXT, b"before").await;
    relay_test.gateway.gets_close(1001, "client connection lost").await;
    relay_test.gateway.close(1001, "").await;
    relay_test.ends("client_lost", None, Some(1001), true).await;
    assert_eq!(relay_test.age(), secs(0));
}

#[tokio::test(start_paused = true)]
async fn a_half_header_that_never_went_out_leaves_room_for_a_close() {
    let mut relay_test = setup().open();
    let whole = relay_test.client.frame(TEXT, b"never");
    relay_test.client.send_raw(&whole[..5]).await;
    relay_test.client.io.shutdown().await.unwrap();
    relay_test.gateway.gets_close(1001, "client connection lost").await;
    relay_test.gateway.close(1001, "").await;
    relay_test.ends("client_lost", None, Some(1001), true).await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_lost_in_mid_frame_leaves_the_other_cut() {
    for lost in [Side::Client, Side::Gateway] {
        let mut relay_test = setup().open();
        let (from, to, name) = match lost {
            Side::Client => (&mut relay_test.client, &mut relay_test.gateway, "client_lost"),
            Side::Gateway => (&mut relay_test.gateway, &mut relay_test.client, "gateway_lost"),
        };
        let whole = from.frame(TEXT, b"never finished");
        from.send_raw(&whole[..10]).await;
        from.io.shutdown().await.unwrap();
        assert_eq!(to.sees().await, Seen::Cut(10));
        relay_test.ends(name, None, None, false).await;
        assert_eq!(relay_test.age(), secs(0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_lost_while_it_is_written_to_is_not_our_cut() {
    let mut relay_test = setup().room(8).open();
    let whole = relay_test.gateway.frame(BINARY, &[1; 100]);
    let (client, gateway) = (&mut relay_test.client, &mut relay_test.gateway);
    tokio::join!(gateway.send_raw(&whole), async {
        let mut some = [0; 10];
        client.io.read_exact(&mut some).await.unwrap();
        client.io = duplex(1).0;
    });
    relay_test.gateway.gets_close(1001, "client connection lost").await;
    relay_test.gateway.close(1001, "").await;
    relay_test.ends("client_lost", None, Some(1001), true).await;
    assert!(relay_test.age() <= secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_close_that_waits_behind_a_failed_write_is_what_ended_it() {
    let mut relay_test = setup().open();
    // The gateway has closed and gone when the client's next frame is written.
    relay_test.gateway.close(1012, "service restart").await;
    relay_test.gateway.io = duplex(1).0;
    relay_test.client.send(TEXT, b"anybody there?").await;
    relay_test.client.gets_close(1012, "service restart").await;
    relay_test.client.close(1012, "").await;
    let summary = relay_test.ends("gateway_closed", None, None, true).await;
    assert_eq!(summary.gateway.said.unwrap().code, Some(1012));
    assert_eq!(relay_test.age(), secs(0));
}

type Told = (u16, &'static str);

#[tokio::test(start_paused = true)]
async fn what_breaks_the_rules_ends_with_the_code_for_it() {
    let rules = FrameRules {
        max_frame: Some(100),
        max_message: Some(150),
        max_messages_per_minute: Some(3),
        max_control_per_minute: Some(2),
    };
    let c = |first, len| frame(Side::Client, first, &vec![0; len]);
    let g = |first, len| frame(Side::Gateway, first, &vec![0; len]);
    let oversize: (&str, Told, Told) = ("too_big", (1009, "message too big"), (1001, "client message too big"));
    let many: (&str, Told, Told) = ("too_many", (1008, "too many messages"), (1001, "too many client messages"));
    let by_client = ("protocol_error", (1002, "protocol error"), (1001, "client protocol error"));
    let by_gateway = ("protocol_error", (1014, "bad gateway"), (1002, "protocol error"));
    let rows: Vec<(Side, Vec<u8>, Vec<u8>, _)> = vec![
        (Side::Client, c(BINARY, 100), c(BINARY, 101), oversize),
        (Side::Client, c(0x02, 100), c(0x80, 51), oversize),
        (Side::Client, [c(TEXT, 0), c(TEXT, 0), c(TEXT, 0)].concat(), c(TEXT, 0), many),
        (Side::Client, [c(0x89, 5), c(0x8A, 0)].concat(), c(0x89, 0), many),
        (Side::Client, c(TEXT, 5), b"GET / HTTP/1.1\r\n\r\n".to_vec(), by_client),
        (Side::Client, c(TEXT, 5), g(TEXT, 5), by_client),
        (Side::Client, c(TEXT, 5), c(0x80, 5), by_client),
        (Side::Client, c(0x01, 5), c(TEXT, 5), by_client),
        (Side::Client, vec![], c(CLOSE, 1), by_client),
        (Side::Gateway, g(BINARY, 100_000), b"HTTP/1.1 400\r\n\r\n".to_vec(), by_gateway),
        (Side::Gateway, g(TEXT, 5), c(TEXT, 5), by_gateway),
        (Side::Gateway, g(0x01, 5), g(TEXT, 5), by_gateway),
        (Side::Gateway, vec![], vec![0x89, 126], by_gateway),
    ];
    for (by, right, wrong, (name, client, gateway)) in rows {
        let mut relay_test = setup().room(1 << 20).with(|settings| settings.rules = rules).open();
        let (from, to) = match by {
            Side::Client => (&mut relay_test.client, &mut relay_test.gateway),
            Side::Gateway => (&mut relay_test.gateway, &mut relay_test.client),
        };
        // In one piece: the valid bytes go on, the invalid ones do not.
        from.send_raw(&[&right[..], &wrong[..]].concat()).await;
        let mut passed = vec![0; right.len()];
        to.io.read_exact(&mut passed).await.unwrap();
        assert_eq!(passed, right);
        relay_test.gateway.gets_close(gateway.0, gateway.1).await;
        relay_test.gateway.close(gateway.0, "").await;
        relay_test.client.gets_close(client.0, client.1).await;
        relay_test.client.close(client.0, "").await;
        // A peer that broke the rules sees the end of the connection, and may then go.
        relay_test.client.ends().await;
        relay_test.gateway.ends().await;
        relay_test.client.io.shutdown().await.unwrap();
        relay_test.gateway.io.shutdown().await.unwrap();
        relay_test.ends(name, Some(client.0), Some(gateway.0), true).await;
        assert_eq!(relay_test.age(), secs(0));
    }
}

/// A client has sent a message and then what is no frame; the gateway has both the message and our Close.
async fn with_a_broken_client() -> TestRelay {
    let mut relay_test = setup().room(1 << 20).open();
    let message = relay_test.client.frame(TEXT, b"good");
    relay_test.client.send_raw(&[&message[..], b"GET / HTTP/1.1\r\n\r\n"].concat()).await;
    relay_test.gateway.gets(TEXT, b"good").await;
    relay_test.gateway.gets_close(1001, "client protocol error").await;
    relay_test
}

#[tokio::test(start_paused = true)]
async fn what_passed_before_a_broken_frame_is_answered_before_the_close() {
    let mut relay_test = with_a_broken_client().await;
    // In one piece, in two, and with a gap.
    let echo = [relay_test.gateway.frame(TEXT, b"good"), relay_test.gateway.frame(CLOSE, &close(1001, ""))].concat();
    let (begin, rest) = echo.split_at(echo.len() - 3);
    relay_test.gateway.send_raw(begin).await;
    relay_test.client.gets(TEXT, b"good").await;
    relay_test.client.sees_nothing_for(secs(1)).await;
    relay_test.gateway.send_raw(rest).await;
    relay_test.client.gets_close(1002, "protocol error").await;
    relay_test.client.close(1002, "").await;
    relay_test.client.ends().await;
    relay_test.client.io.shutdown().await.unwrap();
    relay_test.gateway.ends().await;
    let summary = relay_test.ends("protocol_error", Some(1002), Some(1001), true).await;
    assert_eq!((relay_test.age(), summary.gateway.sent.messages), (secs(1), 1));
}

#[tokio::test(start_paused = true)]
async fn a_broken_client_is_told_when_nothing_more_can_be_answered() {
    // What the gateway does about our Close, how many messages of 30 KB it sends before, how many of them the client
    // gets (a MiB, and what was read with the last of it), and after how many seconds the client gets its own Close.
    let rows = [
        ("closes", 3, 3..=3, 0),
        ("goes away", 3, 3..=3, 0),
        ("breaks a rule", 3, 3..=3, 0),
        ("is silent", 0, 0..=0, 2),
        ("goes on", 40, 35..=38, 0),
    ];
    for (does, messages, passed, at) in rows {
        let mut relay_test = with_a_broken_client().await;
        for _ in 0..messages {
            relay_test.gateway.send(BINARY, &vec![7; 30_000]).await;
        }
        match does {
            "closes" => relay_test.gateway.close(1001, "").await,
            "goes away" => relay_test.gateway.io.shutdown().await.unwrap(),
            "breaks a rule" => relay_test.gateway.send_raw(b"HTTP/1.1 500").await,
            _ => {}
        }
        let mut got = 0;
        let last = loop {
            match relay_test.client.sees().await {
                Seen::Frame(BINARY, _) => got += 1,
                other => break other,
            }
        };
        assert_eq!(last, Seen::Frame(CLOSE, close(1002, "protocol error")), "{does}");
        assert!(passed.contains(&got), "{does}: {got}");
        relay_test.client.ends().await;
        assert_eq!(relay_test.age(), secs(at), "{does}");
        let told = relay_test.summary().await.client.told;
        assert_eq!(told, Some(1002), "{does}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_reaches_a_peer_that_goes_on_sending() {
    let rules = FrameRules { max_frame: Some(1024), ..FrameRules::default() };
    let mut relay_test = setup().room(4096).with(|settings| settings.rules = rules).open();
    let huge = relay_test.client.frame(BINARY, &vec![0; 8 << 20]);
    // The client looks at what comes only when it has sent everything.
    relay_test.client.send_raw(&huge).await;
    relay_test.gateway.gets_close(1001, "client message too big").await;
    relay_test.gateway.close(1001, "").await;
    relay_test.client.gets_close(1009, "message too big").await;
    relay_test.client.ends().await;
    relay_test.gateway.ends().await;
    assert_eq!(relay_test.age(), secs(0));
    assert!(relay_test.buffers.kept() <= 2);
    let summary = relay_test.ends("too_big", Some(1009), Some(1001), true).await;
    assert_eq!(summary.lasted, secs(5), "it is waited for, but not for ever");
    assert_eq!(summary.client.sent.bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn a_link_on_which_nothing_passes_is_idle_whatever_its_pongs_say() {
    let mut relay_test = setup().with(|settings| settings.read = Some(secs(600))).open();
    sleep(secs(10)).await;
    relay_test.client.send(TEXT, b"x").await;
    relay_test.gateway.gets(TEXT, b"x").await;
    let answer = |mut peer: Peer| async move {
        loop {
            match peer.sees().await {
                Seen::Frame(PING, payload) => peer.send(PONG, &payload).await,
                Seen::Frame(CLOSE, payload) => {
                    peer.send(CLOSE, &payload).await;
                    return payload;
                }
                other => panic!("{other:?}"),
            }
        }
    };
    let TestRelay { client, gateway, mut relay, .. } = relay_test;
    let (client, gateway) = tokio::join!(answer(client), answer(gateway));
    assert_eq!((client, gateway), (close(1001, "idle timeout"), close(1001, "idle timeout")));
    let summary = relay.join_next().await.unwrap().unwrap();
    assert_eq!((summary.ended, summary.lasted, summary.clean), (WebSocketEnd::ReadTimeout, secs(610), true));
}

#[tokio::test(start_paused = true)]
async fn peers_that_do_not_answer_our_close_have_5_seconds() {
    let mut relay_test = setup().without_pings().with(|settings| settings.read = Some(secs(60))).open();
    relay_test.client.gets_close(1001, "idle timeout").await;
    relay_test.gateway.gets_close(1001, "idle timeout").await;
    let summary = relay_test.ends("read_timeout", Some(1001), Some(1001), true).await;
    assert_eq!(summary.lasted, secs(65));
}

#[tokio::test(start_paused = true)]
async fn the_operator_ends_an_idle_link_at_once_and_the_client_reads_why() {
    for (reason, read) in [("see you after the move", "see you after the move"), ("", "closed by operator")] {
        let mut relay_test = setup().open();
        relay_test.gateway.send(TEXT, b"hello").await;
        relay_test.client.gets(TEXT, b"hello").await;
        relay_test.settle().await;
        relay_test.relay_stats.close(reason.into());
        relay_test.client.gets_close(1001, read).await;
        relay_test.gateway.gets_close(1001, "closed by operator").await;
        assert_eq!(relay_test.age(), secs(0));
        relay_test.client.close(1001, "").await;
        relay_test.gateway.close(1001, "").await;
        relay_test.ends("closed_by_operator", Some(1001), Some(1001), true).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_is_taken_out_ends_its_links_at_once() {
    let mut relay_test = setup().open();
    relay_test.relay_stats.leave_endpoint();
    relay_test.client.gets_close(1012, "service restart").await;
    relay_test.gateway.gets_close(1001, "proxy restart").await;
    relay_test.client.close(1012, "").await;
    relay_test.gateway.close(1001, "").await;
    relay_test.ends("endpoint_draining", Some(1012), Some(1001), true).await;
}

#[tokio::test(start_paused = true)]
async fn the_operator_is_heard_before_the_relay_has_begun_and_not_after_its_end() {
    let mut relay_test = setup().open();
    relay_test.relay_stats.close("early".into());
    relay_test.client.gets_close(1001, "early").await;
    drop(relay_test);

    let mut relay_test = setup().open();
    relay_test.client.close(4000, "bye").await;
    relay_test.gateway.gets_close(4000, "bye").await;
    relay_test.relay_stats.close("too late".into());
    relay_test.gateway.close(4000, "bye").await;
    relay_test.client.gets_close(4000, "bye").await;
    relay_test.ends("client_closed", None, None, true).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_link_does_is_seen_while_it_does_it() {
    let mut relay_test = setup().open();
    relay_test.client.send(TEXT, b"hello").await;
    relay_test.gateway.gets(TEXT, b"hello").await;
    relay_test.settle().await;
    let (client, gateway) = (relay_test.relay_stats.client(), relay_test.relay_stats.gateway());
    assert_eq!((client.sent.frames, client.sent.messages, client.sent.bytes), (1, 1, 2 + 4 + 5));
    assert_eq!((gateway.sent.bytes, client.passed, gateway.pings.sent()), (0, secs(0), 0));
    sleep(secs(30)).await;
    relay_test.client.gets_ping().await;
    relay_test.gateway.send(TEXT, b"hello").await;
    relay_test.client.gets(TEXT, b"hello").await;
    relay_test.settle().await;
    let (client, gateway) = (relay_test.relay_stats.client(), relay_test.relay_stats.gateway());
    assert_eq!((client.pings.sent(), gateway.sent.bytes, gateway.passed), (1, 7, secs(30)));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_gets_no_close_is_left_between_frames_or_cut_in_the_middle_of_one() {
    // What the gateway has sent of its message when the client ends its side, and how much of that the client takes.
    let whole = frame(Side::Gateway, TEXT, &[7; 300]);
    let rows =
        [(0, 64 * 1024, true), (whole.len(), 64 * 1024, true), (200, 64 * 1024, false), (whole.len(), 100, false)];
    for (sent, room, between) in rows {
        let mut relay_test = setup().room(room).without_pings().open();
        let _ = timeout(secs(1), relay_test.gateway.io.write_all(&whole[..sent])).await;
        relay_test.settle().await;
        relay_test.client.io.shutdown().await.unwrap();
        relay_test.gateway.gets_close(1001, "client connection lost").await;
        relay_test.gateway.close(1001, "").await;
        let summary = relay_test.summary().await;
        assert_eq!(summary.ended.as_str(), "client_lost");
        let ended = relay_test.client.is_ended_between_frames();
        assert_eq!(ended, between, "{sent} of {} bytes, {room} at a time", whole.len());
    }
}
