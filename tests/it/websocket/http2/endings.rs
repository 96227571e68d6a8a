//! How a WebSocket ends on its stream: a Close and `END_STREAM`, or in the middle of a frame `RST_STREAM`.

use super::super::frame::Frame;
use super::super::peer::{CLIENT, GATEWAY, Peer, switched};
use super::super::scene::{Scene, scene, scene_of_binary, scene_with};
use super::{Client, Socket, StreamEnd};
use crate::harness::{Frame2, Proxy, Raw2};

const CANCEL: u32 = 8;
const PROTOCOL_ERROR: u32 = 1;

/// An open WebSocket of a client that writes its frames by hand: its stream, and the gateway's end.
async fn open(scene: &Scene<Proxy>) -> (Raw2, u32, Peer) {
    let mut client = scene.proxy.raw_http2().await;
    let fields: [(&[u8], &[u8]); 6] = [
        (b":method", b"CONNECT"),
        (b":protocol", b"websocket"),
        (b":scheme", b"https"),
        (b":authority", b"localhost"),
        (b":path", b"/"),
        (b"sec-websocket-version", b"13"),
    ];
    let stream = client.begin(&fields, false).await;
    let mut gateway = scene.accept().await;
    gateway.grant().await;
    while !matches!(client.frame().await, Frame2::Head { status: 200, ends: false, .. }) {}
    (client, stream, gateway)
}

/// What comes on a stream, to its end: bytes and how it ends. Nothing follows the end.
async fn rest(client: &mut Raw2, wanted: u32) -> (Vec<u8>, StreamEnd) {
    let mut bytes = Vec::new();
    loop {
        match client.frame().await {
            Frame2::Data { stream, ends, .. } if stream == wanted => {
                bytes.extend(client.payload());
                if ends {
                    return (bytes, StreamEnd::EndStream);
                }
            }
            Frame2::Reset { stream, code } if stream == wanted => return (bytes, StreamEnd::Reset(code)),
            _ => {}
        }
    }
}

/// No frame of the stream comes before the answer to a ping.
async fn nothing_follows(client: &mut Raw2, wanted: u32) {
    client.ping().await;
    loop {
        match client.frame().await {
            Frame2::Pong => return,
            Frame2::Data { stream, .. } | Frame2::Reset { stream, .. } if stream == wanted => {
                panic!("a frame on {stream}")
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn after_both_closes_the_stream_ends_without_a_reset() {
    let scene = scene().await;
    for by_gateway in [true, false] {
        let (mut client, stream, mut gateway) = open(&scene).await;
        let close = Frame::close(1008, "pairing required");
        if by_gateway {
            gateway.write(close.bare()).await;
            while !matches!(client.frame().await, Frame2::Data { .. }) {}
            assert_eq!(client.payload(), close.bare());
            client.data(stream, &close.masked(), false).await;
            gateway.expect(close.masked()).await;
        } else {
            client.data(stream, &close.masked(), false).await;
            gateway.expect(close.masked()).await;
            gateway.write(close.bare()).await;
        }
        let expected = if by_gateway { vec![] } else { close.bare() };
        assert_eq!(rest(&mut client, stream).await, (expected, StreamEnd::EndStream));
        client.data(stream, b"", true).await;
        nothing_follows(&mut client, stream).await;
        assert_eq!(gateway.rest().await, b"");
    }
}

#[tokio::test]
async fn an_end_of_ours_is_a_close_and_the_end_of_the_stream() {
    let scene = scene_with(|config| config.websocket.max_message = Some(100)).await;
    // What the client sends, or the gateway if it goes; the Close that follows.
    let rows = [
        (None, Frame::close(1012, "gateway connection lost")),
        (Some(Frame::binary(vec![0; 101]).masked()), Frame::close(1009, "message too big")),
        (Some(Frame::text("no mask").bare()), Frame::close(1002, "protocol error")),
    ];
    for (sent, close) in rows {
        let (mut client, stream, gateway) = open(&scene).await;
        let mut gateway = Some(gateway);
        match sent {
            Some(sent) => client.data(stream, &sent, false).await,
            None => drop(gateway.take()),
        }
        while !matches!(client.frame().await, Frame2::Data { .. }) {}
        assert_eq!(client.payload(), close.bare());
        client.data(stream, &Frame::close(1000, "").masked(), true).await;
        assert_eq!(rest(&mut client, stream).await, (vec![], StreamEnd::EndStream));
        nothing_follows(&mut client, stream).await;
    }
}

#[tokio::test]
async fn in_the_middle_of_a_frame_the_stream_is_reset() {
    let scene = scene().await;
    let (mut client, stream, mut gateway) = open(&scene).await;
    let half = &Frame::text("a frame that will never be whole").bare()[..12];
    gateway.write(half).await;
    drop(gateway);
    assert_eq!(rest(&mut client, stream).await, (half.to_vec(), StreamEnd::Reset(CANCEL)));
    // The connection stays.
    nothing_follows(&mut client, stream).await;
}

#[tokio::test]
async fn a_client_that_ends_or_resets_its_stream_without_a_close_is_lost() {
    let mut scene = scene_of_binary(&["websocket: { ping_interval: off }"]).await;
    let mut client = Client::connect(&scene.proxy).await;
    for resets in [false, true] {
        for in_frame in [false, true] {
            let (mut socket, mut gateway): (Socket, Peer) = client.open(&scene).await;
            let sent = Frame::text("last words").masked();
            let sent = if in_frame { &sent[..9] } else { &sent[..] };
            socket.write(sent).await;
            gateway.expect(sent).await;
            if resets {
                socket.send.send_reset(h2::Reason::CANCEL);
            } else {
                socket.finish();
            }
            if !in_frame {
                gateway.told(1001, "client connection lost").await;
                gateway.write(Frame::close(1001, "").bare()).await;
            }
            assert_eq!(gateway.rest().await, b"", "{resets} {in_frame}");
            if !resets {
                assert_eq!(socket.end().await, StreamEnd::EndStream);
            }
            let line = scene.proxy.line(|line| line["message"] == "websocket").await;
            assert_eq!(
                (&line["ended"], &line["clean"], &line["protocol"]),
                (&"client_lost".into(), &(!in_frame).into(), &"h2".into())
            );
        }
    }
    client.open(&scene).await;
}

#[tokio::test]
async fn a_connection_that_vanishes_loses_all_its_sockets() {
    let scene = scene().await;
    let mut client = Client::connect(&scene.proxy).await;
    let (one, mut first) = client.open(&scene).await;
    let (two, mut second) = client.open(&scene).await;
    drop((one, two, client));
    for gateway in [&mut first, &mut second] {
        gateway.told(1001, "client connection lost").await;
        gateway.write(Frame::close(1001, "").bare()).await;
        assert_eq!(gateway.rest().await, b"");
    }
}

#[tokio::test]
async fn nothing_but_data_belongs_to_an_open_stream() {
    let scene = scene().await;
    let (mut client, stream, mut gateway) = open(&scene).await;
    client.trailers(stream, &[(b"x-late", b"1")]).await;
    assert_eq!(rest(&mut client, stream).await, (vec![], StreamEnd::Reset(PROTOCOL_ERROR)));
    gateway.told(1001, "client connection lost").await;
    nothing_follows(&mut client, stream).await;
}

#[tokio::test]
async fn a_drain_tells_every_socket_and_then_the_connection_ends() {
    let scene = scene_with(|config| config.timeouts.drain = std::time::Duration::from_secs(20)).await;
    let (mut client, mut sockets) = (Client::connect(&scene.proxy).await, Vec::new());
    for _ in 0..10 {
        sockets.push(client.open(&scene).await);
    }
    let mut stopping = tokio::task::JoinSet::new();
    stopping.spawn(scene.proxy.stop());
    let answer = Frame::close(1000, "");
    for (socket, gateway) in &mut sockets {
        socket.expect(Frame::close(1012, "service restart").bare()).await;
        socket.write(answer.bytes(CLIENT)).await;
        gateway.told(1001, "proxy restart").await;
        gateway.write(answer.bytes(GATEWAY)).await;
        assert_eq!(socket.end().await, StreamEnd::EndStream);
        socket.finish();
        assert_eq!(gateway.rest().await, b"");
    }
    drop(client.connection);
    crate::harness::within("the end of the connection", client.tasks.join_next()).await;
    assert_eq!(stopping.join_next().await.unwrap().unwrap().0, frontgate::lifecycle::DrainOutcome::Clean);
}

#[tokio::test]
async fn a_client_that_gives_up_before_the_grant_leaves_nothing_behind() {
    let scene = scene().await;
    let mut client = Client::connect(&scene.proxy).await;
    let mut asked = client.ask("/", &[]);
    let mut gateway = scene.accept().await;
    let head = gateway.head().await;
    asked.send.send_reset(h2::Reason::CANCEL);
    assert_eq!(gateway.rest().await, b"", "{}", switched(&head));
    client.open(&scene).await;
}
