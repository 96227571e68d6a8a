//! What an idle link costs.

use super::*;

/// Answers pings as a browser does; the peer sends nothing else.
async fn answer_pings(peer: &mut Peer) {
    loop {
        let payload = match peer.read().await {
            Seen::Frame(PING, payload) => payload,
            other => panic!("{:?} sees {other:?}", peer.side),
        };
        peer.send(PONG, &payload).await;
    }
}

#[tokio::test(start_paused = true)]
async fn thirty_idle_days_are_pings_and_pongs_and_nothing_else() {
    let days = Duration::from_hours(24 * 30);
    let mut link = setup().with(|settings| settings.read = None).open();
    let (client, gateway) = (&mut link.client, &mut link.gateway);
    let answer = async { tokio::join!(answer_pings(client), answer_pings(gateway)) };
    assert!(timeout(days + secs(1), answer).await.is_err());
    assert!(link.is_open());
    link.client.close(1000, "").await;
    link.gateway.gets_close(1000, "").await;
    link.gateway.close(1000, "").await;
    let summary = link.ends("client_closed", None, None, true).await;
    for side in [summary.client, summary.gateway] {
        // Our pings are a few milliseconds late each time: a timer has that resolution.
        assert!((129_500..=129_600).contains(&side.pings.sent()), "{} pings", side.pings.sent());
        assert_eq!(u64::from(side.pings.measured().0), side.pings.sent());
        assert_eq!(side.sent.frames, 1);
    }
    assert_eq!(link.buffers.kept(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_link_without_pings_is_not_looked_at() {
    let mut link = setup().without_pings().open();
    link.client.send(TEXT, b"x").await;
    link.gateway.gets(TEXT, b"x").await;
    link.settle().await;
    let before = (link.client.polls(), link.gateway.polls());
    sleep(Duration::from_hours(23)).await;
    assert_eq!((link.client.polls(), link.gateway.polls()), before);
}

#[tokio::test(start_paused = true)]
async fn an_idle_link_is_looked_at_for_each_ping_and_pong_only() {
    let mut link = setup().open();
    let (client, gateway) = (&mut link.client, &mut link.gateway);
    let answer = async { tokio::join!(answer_pings(client), answer_pings(gateway)) };
    assert!(timeout(secs(1000), answer).await.is_err());
    // In 50 intervals: once for the timer, and once or twice for the pong of each leg.
    let polls = link.client.polls();
    assert!(polls <= 50 * 6, "{polls} looks");
}

#[tokio::test(start_paused = true)]
async fn timers_are_heard_on_a_link_that_is_never_quiet() {
    // Frames without end, and a gateway that takes them all: 0x82 over and over is a masked frame of two bytes.
    let client = tokio::io::join(tokio::io::repeat(0x82), tokio::io::sink());
    let (_quiet, silent) = duplex(64);
    let gateway = tokio::io::join(silent, tokio::io::sink());
    let settings = setup().with(|settings| settings.silence.pong_timeout = Some(secs(10))).settings;
    let mut relay = Relay::new(
        RelayEnd { io: client, first: Bytes::new() },
        RelayEnd { io: gateway, first: Bytes::new() },
        Arc::new(settings),
    );
    let mut task = JoinSet::new();
    task.spawn(async move { relay.run(&BufferPool::new(), &Drain::new()).await });
    // The clock stands still while there is work to do: it is moved by hand.
    for _ in 0..100 {
        tokio::time::advance(secs(1)).await;
        if let Some(summary) = task.try_join_next() {
            return assert_eq!(summary.unwrap().ended, WebSocketEnd::GatewaySilent);
        }
    }
    panic!("the gateway's silence is not noticed");
}

#[test]
fn an_idle_relay_is_small() {
    let (buffers, drain) = (BufferPool::new(), Drain::new());
    let end = || RelayEnd { io: duplex(64).0, first: Bytes::new() };
    let mut relay = Relay::new(end(), end(), Arc::new(setup().settings));
    let without_streams = size_of_val(&relay) - 2 * size_of::<DuplexStream>();
    let run = size_of_val(&relay.run(&buffers, &drain));
    assert!(without_streams + run <= 1160, "a relay has {without_streams} bytes beside its streams, running it {run}");
}
