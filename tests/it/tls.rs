//! TLS and what comes before a request: handshakes, certificates, and clients that say nothing.
use crate::harness::{gateway, proxy};

#[tokio::test]
async fn smoke() {
    let mut gateway = gateway().answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let response = client.response().await;
    assert_eq!((response.status(), response.body_text().as_str()), (200, "ok"));
    assert_eq!(gateway.request().await.head(), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
}
