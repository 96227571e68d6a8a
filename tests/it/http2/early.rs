//! An answer that is given before its request's body has arrived.

#![expect(clippy::unwrap_used, reason = "what these helpers cannot do ends the test")]

use super::fields;
use crate::harness::{Connection, Frame2, Proxy, gateway, proxy};

/// Answers at once, and reads on.
async fn hasty(mut connection: Connection) {
    connection.until(b"\r\n\r\n").await;
    connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno\n").await;
    connection.rest().await;
}

/// Answers at once, and ends the connection.
async fn rude(mut connection: Connection) {
    connection.until(b"\r\n\r\n").await;
    connection.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n").await;
}

const ROUTES: &str = "routes:
  - { path: /login, auth: { basic: { ann: '$2b$04$aaaaaaaaaaaaaaaaaaaaaeOqg3vGD5mX9zwZZrJz3nyxNDDwZ7xJy' } } }
  - { path: /fixed, respond: 403 }
  - { path: / }
";

/// A path, the fields besides, and the status that it gets at once, whatever its body is.
type Row = (&'static str, &'static [(&'static [u8], &'static [u8])], u16);

const OURS: [Row; 4] = [
    ("/login", &[], 401),
    ("/fixed", &[], 403),
    ("/", &[(b"host", b"another.example.com")], 400),
    ("/", &[(b"content-length", b"5000000")], 413),
];

async fn check(proxy: &Proxy, rows: &[Row]) {
    for (path, more, expected) in rows {
        let mut fields = fields("POST", path);
        fields.extend(*more);
        // A small body comes a little later; a large one goes on as long as its window does.
        for length in [3, 5_000_000] {
            if fields.iter().any(|(name, _)| *name == b"content-length") && length != 5_000_000 {
                continue;
            }
            let mut client = proxy.raw_http2().await;
            let stream = client.begin(&fields, false).await;
            let before = client.before_pong().await;
            assert!(before.iter().all(|frame| matches!(frame, Frame2::Window { stream: 0, .. })), "{path}: {before:?}");
            let widened = before.iter().map(|frame| if let Frame2::Window { more, .. } = frame { *more } else { 0 });
            let (mut left, mut room, mut all) = (length, i64::from(WINDOW), i64::from(65_535 + widened.sum::<u32>()));
            let (mut status, mut answered) = (None, false);
            while left > 0 || !answered {
                let piece = left.min(room).min(all).min(16_384);
                if piece > 0 {
                    left -= piece;
                    room -= piece;
                    all -= piece;
                    client.data(stream, &vec![b'x'; usize::try_from(piece).unwrap()], left == 0).await;
                    if (left > 0 && room.min(all) > 0) || (left == 0 && answered) {
                        continue;
                    }
                }
                match client.frame().await {
                    Frame2::Window { stream: 0, more } => all += i64::from(more),
                    Frame2::Window { stream: of, more } if of == stream => room += i64::from(more),
                    Frame2::Head { status: said, ends, .. } => {
                        status = Some(said);
                        answered = ends;
                    }
                    Frame2::Data { ends, .. } => answered |= ends,
                    other => panic!("{path}, {length}, {left} left: {other:?}"),
                }
            }
            assert_eq!(status, Some(*expected), "{path}, {length}");
            let after = client.before_pong().await;
            let reset = after.iter().any(|frame| matches!(frame, Frame2::Reset { .. } | Frame2::GoAway { .. }));
            assert!(!reset, "{path}, {length}: {after:?}");
            // The connection serves on.
            let again = client.begin(&super::fields("GET", "/fixed"), true).await;
            assert_eq!(client.whole(again).await.status, Some(403));
        }
    }
}

/// What the proxy lets a client send ahead on one stream.
const WINDOW: u32 = 256 * 1024;

#[tokio::test]
async fn an_answer_of_our_own_is_never_lost_to_a_body_that_is_not_read() {
    let gateway = gateway().playing(hasty).await;
    let limit = |config: &mut frontgate::config::Config| config.limits.request_body = Some(1_000_000);
    let proxy = proxy().upstream(&gateway).routes(ROUTES).config(limit).start().await;
    check(&proxy, &OURS).await;
}

#[tokio::test]
async fn an_answer_of_the_gateways_is_never_lost_to_a_body_that_it_does_not_read() {
    let gateway = gateway().playing(hasty).await;
    let proxy = proxy().upstream(&gateway).routes(ROUTES).start().await;
    check(&proxy, &[("/", &[], 413)]).await;
    let gateway = crate::harness::gateway().playing(rude).await;
    // Of what is thrown away as much may come as of any body, whatever a body may have.
    let limit = |config: &mut frontgate::config::Config| config.limits.request_body = Some(1_000_000);
    let proxy = crate::harness::proxy().upstream(&gateway).routes(ROUTES).config(limit).start().await;
    check(&proxy, &[("/", &[], 403)]).await;
}

#[tokio::test]
async fn a_body_that_becomes_too_large_does_not_lose_its_413() {
    let gateway = gateway()
        .playing(|mut connection| async move {
            connection.rest().await;
        })
        .await;
    let limit = |config: &mut frontgate::config::Config| config.limits.request_body = Some(1_000_000);
    let proxy = proxy().upstream(&gateway).routes(ROUTES).config(limit).start().await;
    let mut client = proxy.http2().await;
    for _ in 0..5 {
        let body = crate::harness::full(vec![b'x'; 5_000_000]);
        // A body of a length that is not known.
        let body = http_body_util::BodyExt::map_frame(body, |frame| frame);
        let body = http_body_util::BodyExt::boxed(Unknown(body));
        let answer = client.ask(http::Request::post("https://localhost/").body(body).unwrap()).await;
        assert_eq!(answer.status, 413);
    }
}

/// A body that does not say how long it is.
struct Unknown<B>(B);

impl<B: http_body::Body + Unpin> http_body::Body for Unknown<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<B::Data>, B::Error>>> {
        std::pin::Pin::new(&mut self.0).poll_frame(cx)
    }
}
