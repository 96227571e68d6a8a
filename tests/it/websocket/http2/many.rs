//! A thousand WebSockets on ten connections, and a gateway that restarts under them.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::super::frame::Frame;
use super::super::over_http2::connect;
use super::super::peer::Peer;
use super::{Asked, Client, Socket, StreamEnd};
use crate::harness::{READY, Reserved, proxy};

const CONNECTIONS: usize = 10;
const SOCKETS: usize = 100;
/// For how long a thousand at once may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(5);

/// A gateway that grants every WebSocket and sends back each message of 5 bytes, until it is dropped.
fn serve(listener: TcpListener) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut peers = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            peers.spawn(async move {
                let mut peer = Peer::new(stream);
                let Some(head) = peer.try_head().await else { return };
                if head.starts_with("GET /startupz") {
                    peer.write(READY).await;
                    return;
                }
                peer.write(super::super::peer::switched(&head)).await;
                loop {
                    let frame = peer.frame().await;
                    peer.write(frame.bare()).await;
                }
            });
        }
    });
    tasks
}

/// Asks for all of them at once. Those that find too many waiting ask again, as the Control UI does.
async fn open(clients: &[Client]) -> Vec<Socket> {
    let each = clients.iter().flat_map(|client| (0..SOCKETS).map(|_| client.connection.clone()));
    let all = join_all(each.map(async |mut connection| {
        loop {
            poll_fn(|cx| connection.poll_ready(cx)).await.unwrap();
            let (answer, send) = connect(&mut connection, "/", &[]).unwrap();
            if let Some(socket) = (Asked { answer, send }).granted_or_full().await {
                return socket;
            }
        }
    }));
    timeout(PATIENCE, all).await.expect("all of them")
}

async fn echo(sockets: &mut [Socket]) {
    join_all(sockets.iter_mut().map(async |socket| {
        socket.write(Frame::text("hello").masked()).await;
        socket.expect(Frame::text("hello").bare()).await;
    }))
    .await;
}

#[tokio::test]
async fn a_thousand_sockets_are_told_of_a_restart_and_come_back_over_their_connections() {
    let reserved = Reserved::new();
    let (address, upstream): (SocketAddr, _) = (reserved.address, reserved.upstream());
    let gateway = serve(reserved.listen());
    let proxy = proxy()
        .config(|config| {
            config.upstream = upstream;
            config.limits.requests_per_client = None;
            config.limits.connections_per_client = None;
            config.websocket.ping_interval = None;
            // A thousand take a while on a busy machine.
            config.hold = Some(Duration::from_mins(2));
        })
        .start()
        .await;
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Client::connect(&proxy).await);
    }
    let mut sockets = open(&clients).await;
    echo(&mut sockets).await;

    drop(gateway);
    join_all(sockets.iter_mut().map(async |socket| {
        socket.expect(Frame::close(1012, "gateway connection lost").bare()).await;
        socket.write(Frame::close(1012, "").masked()).await;
        socket.finish();
        assert_eq!(socket.end().await, StreamEnd::EndStream);
    }))
    .await;

    // They ask again at once, and wait for the gateway.
    let (mut sockets, _gateway) = tokio::join!(open(&clients), async { serve(Reserved::at(address).listen()) });
    assert_eq!(sockets.len(), CONNECTIONS * SOCKETS);
    echo(&mut sockets).await;
}
