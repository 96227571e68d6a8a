//! Peers that do not read.

use super::*;

/// Sends until nothing more is taken; returns how many bytes were taken.
async fn fill(peer: &mut Peer, bytes: &[u8]) -> usize {
    let mut taken = 0;
    while taken < bytes.len() {
        match timeout(secs(1), peer.io.write(&bytes[taken..])).await {
            Ok(written) => taken += written.unwrap(),
            Err(_) => break,
        }
    }
    taken
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_stops_the_gateway_and_loses_nothing() {
    let mut link = setup().room(1000).open();
    let frames: Vec<u8> = (0..200).flat_map(|n| frame(Side::Gateway, BINARY, &[n; 1000])).collect();
    let taken = fill(&mut link.gateway, &frames).await;
    assert!(taken <= 1000 + crate::io::TEXT + 1000, "{taken} bytes are on their way");

    // The gateway cannot be heard: the silence is not its own, and it gets no pings.
    let (client, gateway) = (&mut link.client, &mut link.gateway);
    let ping = client.frame(PONG, b"alive");
    for _ in 0..100 {
        sleep(secs(10)).await;
        client.send_raw(&ping).await;
        gateway.gets(PONG, b"alive").await;
    }
    assert!(link.is_open());
    assert_eq!(link.relay_stats.state().as_str(), "client_not_reading");

    let mut got = vec![0; frames.len()];
    let (client, gateway) = (&mut link.client, &mut link.gateway);
    let read = async { timeout(LONGEST_WAIT, client.io.read_exact(&mut got)).await.unwrap().unwrap() };
    tokio::join!(gateway.send_raw(&frames[taken..]), read);
    assert!(got == frames);
    assert!(link.buffers.kept() <= 2);
    let blocked = |direction| link.counted(&format!("backpressure_seconds_total{{direction=\"{direction}\"}}"));
    let seconds: f64 = blocked("gateway_to_client").parse().unwrap();
    assert!((1000.0..1100.0).contains(&seconds), "{seconds}");
    assert_eq!(blocked("client_to_gateway"), "0.0");
}

#[tokio::test(start_paused = true)]
async fn what_tls_keeps_of_the_last_message_is_waited_for() {
    // The stream takes a whole message, and the socket little of that.
    let ((mut client, near), (mut gateway, far)) = (duplex(1000), duplex(1 << 20));
    let near = tokio::io::BufStream::with_capacity(1000, 1 << 16, near);
    let (near, far) = (RelayEnd { io: near, first: Bytes::new() }, RelayEnd { io: far, first: Bytes::new() });
    let mut relay = Relay::new(near, far, Arc::new(setup().settings));
    let (buffers, drain) = (BufferPool::new(), Drain::new());
    let run = relay.run(&buffers, &drain);

    let close = frame(Side::Client, CLOSE, b"\x03\xe8");
    let last = [frame(Side::Gateway, BINARY, &vec![7; 30_000]), frame(Side::Gateway, CLOSE, b"\x03\xe8")].concat();
    let peers = async {
        client.write_all(&close).await.unwrap();
        gateway.read_exact(&mut vec![0; close.len()]).await.unwrap();
        gateway.write_all(&last).await.unwrap();
        sleep(secs(10)).await;
        let mut got = Vec::new();
        let _ = timeout(LONGEST_WAIT, client.read_to_end(&mut got)).await;
        assert!(got == last, "{} of {} bytes", got.len(), last.len());
    };
    let (summary, ()) = tokio::join!(run, peers);
    assert!(summary.clean);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_was_stuck_both_ways_is_pinged_again() {
    let mut link = setup().room(100).with(|settings| settings.silence.pong_timeout = None).open();
    let up = link.client.frame(BINARY, &vec![1; 40_000]);
    let down = link.gateway.frame(BINARY, &vec![2; 40_000]);
    let taken = (fill(&mut link.client, &up).await, fill(&mut link.gateway, &down).await);
    sleep(Duration::from_hours(2)).await;
    let (client, gateway) = (&mut link.client, &mut link.gateway);
    let (mut got_up, mut got_down) = (vec![0; up.len()], vec![0; down.len()]);
    let (mut from_client, mut to_client) = tokio::io::split(&mut client.io);
    let (mut from_gateway, mut to_gateway) = tokio::io::split(&mut gateway.io);
    let (a, b, c, d) = tokio::join!(
        to_client.write_all(&up[taken.0..]),
        to_gateway.write_all(&down[taken.1..]),
        from_client.read_exact(&mut got_down),
        from_gateway.read_exact(&mut got_up),
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok() && d.is_ok());
    assert!(got_up == up && got_down == down);
    let again = Instant::now();
    link.client.gets_ping().await;
    link.gateway.gets_ping().await;
    assert!(again.elapsed() <= secs(40), "the next ping comes after {:?}", again.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_for_too_long_is_cut_and_the_gateway_told() {
    let settings = |settings: &mut RelaySettings| settings.send = Some(secs(60));
    // It is not the pings that notice it.
    for setup in [setup(), setup().without_pings().with(|settings| settings.read = None)] {
        let mut link = setup.room(1000).with(settings).open();
        let frames = link.gateway.frame(BINARY, &vec![3; 1 << 20]);
        fill(&mut link.gateway, &frames).await;
        loop {
            match link.gateway.sees().await {
                Seen::Frame(PING, _) => (),
                Seen::Frame(CLOSE, payload) => break assert_eq!(payload, close(1001, "client not reading")),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(link.age(), secs(60));
        // The frame that the gateway is in the middle of goes nowhere, but its answer is read.
        link.gateway.send_raw(&frames[100_000..]).await;
        link.gateway.ends().await;
        link.ends("send_timeout", None, Some(1001), false).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_takes_nothing_for_too_long_is_cut_and_the_client_told() {
    let mut link = setup().without_pings().room(1000).with(|settings| settings.send = Some(secs(60))).open();
    let frames = link.client.frame(BINARY, &vec![3; 40_000]);
    let taken = fill(&mut link.client, &frames).await;
    link.client.gets_close(1012, "gateway not reading").await;
    assert_eq!(link.age(), secs(60));
    link.client.send_raw(&frames[taken..]).await;
    link.client.close(1012, "").await;
    link.client.ends().await;
    let summary = link.ends("send_timeout", Some(1012), None, false).await;
    assert_eq!(summary.lasted, secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_a_little_now_and_then_is_slow_not_stuck() {
    let mut link = setup().without_pings().room(10).with(|settings| settings.send = Some(secs(60))).open();
    let frames = link.client.frame(BINARY, &[3; 1000]);
    let (client, gateway) = (&mut link.client, &mut link.gateway);
    tokio::join!(client.io.write_all(&frames), async {
        for byte in &frames {
            sleep(secs(5)).await;
            assert_eq!(gateway.io.read_u8().await.unwrap(), *byte);
        }
    })
    .0
    .unwrap();
    assert!(link.age() > secs(5000) && link.is_open());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_still_being_written_is_not_cut_off() {
    let mut link = setup().room(100).open();
    link.client.close(1000, "").await;
    link.gateway.gets_close(1000, "").await;
    let last = [link.gateway.frame(BINARY, &[4; 150]), link.gateway.frame(CLOSE, b"")].concat();
    link.gateway.send_raw(&last).await;
    link.settle().await;
    // A signal makes the relay look at its state again.
    link.drain.soften();
    link.settle().await;
    sleep(secs(10)).await;
    link.client.gets(BINARY, &[4; 150]).await;
    link.client.gets(CLOSE, b"").await;
    let summary = link.ends("client_closed", None, None, true).await;
    assert_eq!(summary.lasted, secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_told_does_not_wait_for_the_gateway_to_answer() {
    let mut link = setup().open();
    link.drain.soften();
    link.client.gets_close(1012, "service restart").await;
    let told = Instant::now();
    link.client.close(1012, "").await;
    link.client.ends().await;
    assert_eq!(told.elapsed(), secs(0));
    link.gateway.gets_close(1001, "proxy restart").await;
    link.ends("draining", Some(1012), Some(1001), true).await;
    assert_eq!(told.elapsed(), secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_takes_nothing_more_just_before_a_ping_is_lost() {
    let mut link = setup().open();
    sleep(Duration::from_millis(19_500)).await;
    // The gateway cannot be written to, but it can be read from, until its time is over.
    let (kept, gone) = duplex(64);
    drop(gone);
    link.gateway.io = kept;
    link.client.send(TEXT, b"anybody there?").await;
    link.client.send(TEXT, b"hello?").await;
    link.client.gets_close(1012, "gateway connection lost").await;
    link.client.close(1012, "").await;
    link.ends("gateway_lost", Some(1012), None, true).await;
}
