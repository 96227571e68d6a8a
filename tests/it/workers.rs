//! Clients that are served on different threads.

use std::time::Duration;

use frontgate::lifecycle::DrainOutcome;

use crate::harness::{gateway, proxy};
use crate::websocket::frame::Frame;
use crate::websocket::scene::{EVERY, scene_on};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[tokio::test]
async fn each_thread_keeps_connections_to_the_gateway_of_its_own() {
    for (workers, connections) in [(1, 1), (3, 3)] {
        let gateway = gateway().answering(OK).await;
        let proxy = proxy().upstream(&gateway).plain().unix().workers(workers).start().await;
        let mut clients = [proxy.client().await, proxy.plain_client().await, proxy.unix_client().await];
        for _ in 0..3 {
            for client in &mut clients {
                client.send(GET).await;
                assert_eq!(client.response().await.status(), 200);
            }
        }
        assert_eq!(gateway.connections(), connections, "{workers} threads");
    }
}

#[tokio::test]
async fn websockets_of_all_threads_carry_messages_and_are_drained() {
    let scene = scene_on(3, |config| config.timeouts.drain = Duration::from_secs(10)).await;
    let mut links = Vec::new();
    for number in 0..6 {
        let (client, gateway) = scene.open(EVERY[number % EVERY.len()]).await;
        links.push((client, gateway));
    }
    for (client, gateway) in &mut links {
        client.write(Frame::text("up").masked()).await;
        gateway.expect(Frame::text("up").masked()).await;
        gateway.write(Frame::text("down").bare()).await;
        client.expect(Frame::text("down").bare()).await;
    }
    let ended = async {
        for (client, gateway) in &mut links {
            client.expect(Frame::close(1012, "service restart").bare()).await;
            gateway.told(1001, "proxy restart").await;
            client.write(Frame::close(1012, "").masked()).await;
            gateway.write(Frame::close(1001, "").bare()).await;
        }
    };
    let ((drained, _state), ()) = tokio::join!(scene.proxy.stop(), ended);
    assert!(matches!(drained, DrainOutcome::Clean), "{drained:?}");
}
