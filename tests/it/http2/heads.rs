//! Many large heads.

use super::fields;
use crate::harness::{Connection, Frame2, gateway, proxy};

/// Never answers `/wait`.
async fn plays(mut connection: Connection) {
    while let Some(request) = connection.request().await {
        if request.target() == b"/wait" {
            connection.rest().await;
            return;
        }
        connection.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    }
}

#[tokio::test]
async fn the_heads_of_waiting_requests_have_a_limit_together() {
    let gateway = gateway().playing(plays).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let large = "x".repeat(50_000);
    let mut client = proxy.raw_http2().await;
    let mut streams = Vec::new();
    for _ in 0..40 {
        let mut fields = fields("GET", "/wait");
        fields.push((b"cookie", large.as_bytes()));
        streams.push(client.begin(&fields, true).await);
    }
    let mut refused = Vec::new();
    for frame in client.before_pong().await {
        if let Frame2::Head { stream, status, .. } = frame {
            assert_eq!(status, 503);
            refused.push(stream);
        }
    }
    // The requests that came first wait; each of the rest got an answer, or gets one now.
    while refused.len() < 20 {
        if let Frame2::Head { stream, status, .. } = client.frame().await {
            assert_eq!(status, 503);
            refused.push(stream);
        }
    }
    assert_eq!(refused, streams[20..], "the first 20 take a megabyte");
    // A request that has ended gives its room back.
    for stream in &streams[..10] {
        client.reset(*stream).await;
    }
    client.before_pong().await;
    let mut fields = fields("GET", "/");
    fields.push((b"cookie", large.as_bytes()));
    let again = client.begin(&fields, true).await;
    assert_eq!(client.whole(again).await.status, Some(204));
}
