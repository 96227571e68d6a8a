//! Bytes go out as they came in, and in their order.

use super::*;

#[tokio::test(start_paused = true)]
async fn bytes_that_came_with_the_handshake_go_first_and_at_once() {
    let mut setup = setup();
    setup.client_first = frame(Side::Client, TEXT, b"from the client");
    setup.gateway_first = frame(Side::Gateway, TEXT, b"connect.challenge");
    let mut link = setup.open();
    // Nothing follows, and no time passes.
    link.client.gets(TEXT, b"connect.challenge").await;
    link.gateway.gets(TEXT, b"from the client").await;
    assert_eq!(link.age(), secs(0));
    assert_eq!(link.buffers.kept(), 1, "what came with the handshake is no buffer to lend");

    link.gateway.send(TEXT, b"second").await;
    link.client.gets(TEXT, b"second").await;
}

#[tokio::test(start_paused = true)]
async fn a_frame_may_begin_with_the_handshake_and_end_later() {
    let whole = frame(Side::Gateway, BINARY, &[7; 300]);
    for split in [1, 2, 3, 4, 5, 299] {
        let mut setup = setup();
        setup.gateway_first = whole[..split].to_vec();
        let mut link = setup.open();
        link.gateway.send_raw(&whole[split..]).await;
        link.client.gets(BINARY, &[7; 300]).await;
        assert_eq!(link.age(), secs(0));
    }
}

#[tokio::test(start_paused = true)]
async fn everything_passes_unmodified() {
    let rows: &[(&str, &[(u8, usize)])] = &[
        ("single frames of every length form", &[(TEXT, 0), (TEXT, 1), (BINARY, 125), (BINARY, 126), (BINARY, 65_536)]),
        ("fragments", &[(0x01, 10), (0x00, 0), (0x00, 200), (0x80, 3)]),
        ("control frames between fragments", &[(0x02, 10), (PING, 125), (0x00, 5), (PONG, 8), (PING, 0), (0x80, 1)]),
        ("compressed messages", &[(0xC1, 50), (0x41, 9), (PONG, 0), (0x00, 9), (0x80, 9)]),
        ("a pong without a ping", &[(PONG, 0), (PONG, 8), (PONG, 125)]),
    ];
    for room in [1, 64, 4096] {
        for (name, frames) in rows {
            let mut link = setup().room(room).open();
            for side in [Side::Client, Side::Gateway] {
                let frames = frames.iter().flat_map(|&(first, len)| frame(side, first, &vec![first ^ 0x5A; len]));
                let sent: Vec<u8> = frames.collect();
                let mut got = vec![0; sent.len()];
                let (from, to) = match side {
                    Side::Client => (&mut link.client, &mut link.gateway),
                    Side::Gateway => (&mut link.gateway, &mut link.client),
                };
                let read = async { timeout(LONGEST_WAIT, to.io.read_exact(&mut got)).await.unwrap().unwrap() };
                tokio::join!(from.send_raw(&sent), read);
                assert!(got == sent, "{name} from {side:?} through {room} bytes");
            }
            assert_eq!(link.age(), secs(0));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_huge_frame_passes_in_constant_memory() {
    for (room, size) in [(64, 1 << 20), (4096, 25 << 20)] {
        for side in [Side::Client, Side::Gateway] {
            let mut link = setup().room(room).open();
            let (from, to) = match side {
                Side::Client => (&mut link.client, &mut link.gateway),
                Side::Gateway => (&mut link.gateway, &mut link.client),
            };
            let header = head(side, BINARY, size);
            let chunk = [0xEE; 8192];
            let write = async {
                from.send_raw(&header).await;
                for _ in 0..size / chunk.len() {
                    from.send_raw(&chunk).await;
                }
            };
            let read = async {
                let mut got = vec![0; header.len()];
                to.io.read_exact(&mut got).await.unwrap();
                assert_eq!(got, header);
                let mut chunk = [0; 8192];
                for _ in 0..size / chunk.len() {
                    to.io.read_exact(&mut chunk).await.unwrap();
                    assert!(chunk.iter().all(|&byte| byte == 0xEE));
                }
            };
            tokio::join!(write, read);
            assert!(link.buffers.kept() <= 2, "{} buffers for one direction", link.buffers.kept());
            link.client.close(1000, "").await;
            link.gateway.gets_close(1000, "").await;
            link.gateway.close(1000, "").await;
            let summary = link.ends("client_closed", None, None, true).await;
            let sent = if side == Side::Client { summary.client.sent } else { summary.gateway.sent };
            assert_eq!(sent.messages, 1);
            assert!(sent.bytes > size as u64);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_stream_keeps_back_is_flushed() {
    // As TLS does, these take everything at once and send it when they are told to.
    let keeping = |io| tokio::io::BufWriter::with_capacity(1 << 20, io);
    let (mut client, client_end) = Peer::new(Side::Client, 1000);
    let (mut gateway, gateway_end) = Peer::new(Side::Gateway, 1000);
    let mut relay = Relay::new(
        RelayEnd { io: keeping(client_end), first: Bytes::new() },
        RelayEnd { io: keeping(gateway_end), first: frame(Side::Gateway, TEXT, b"first").into() },
        Arc::new(setup().settings),
    );
    let (buffers, drain) = (BufferPool::new(), Drain::new());
    let peers = async {
        client.gets(TEXT, b"first").await;
        for size in [5, 50_000] {
            let message = vec![b'x'; size];
            let frame = client.frame(TEXT, &message);
            tokio::join!(client.send_raw(&frame), gateway.gets(TEXT, &message));
        }
        gateway.gets_ping().await;
        drain.soften();
        gateway.gets_close(1001, "proxy restart").await;
        client.gets_ping().await;
        client.gets_close(1012, "service restart").await;
        client.close(1012, "").await;
        gateway.close(1001, "").await;
    };
    let (summary, ()) = tokio::join!(relay.run(&buffers, &drain), peers);
    assert!(summary.clean);
}

#[tokio::test(start_paused = true)]
async fn half_a_header_is_held_until_it_can_be_judged() {
    let mut link = setup().open();
    let whole = link.client.frame(TEXT, b"hello");
    link.client.send_raw(&whole[..5]).await;
    link.gateway.sees_nothing_for(secs(1)).await;
    link.client.send_raw(&whole[5..]).await;
    link.gateway.gets(TEXT, b"hello").await;
}

impl Readable for tokio::io::BufWriter<Counted> {}

#[tokio::test(start_paused = true)]
async fn one_read_in_64_is_timed_from_the_read_to_its_write() {
    let mut link = setup().open();
    for _ in 0..128 {
        link.client.send(TEXT, b"up").await;
        link.gateway.gets(TEXT, b"up").await;
    }
    assert_eq!(link.counted(r#"relay_seconds_count{direction="client_to_gateway"}"#), "2");
    assert_eq!(link.counted(r#"relay_seconds_count{direction="gateway_to_client"}"#), "0");
    assert_eq!(link.counted(r#"messages_total{direction="client_to_gateway",opcode="text"}"#), "128");
}
