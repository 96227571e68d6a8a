//! Whatever frames a client sends over HTTP/2: what becomes a WebSocket is a GET with the handshake of HTTP/1.1 and no body, and all
//! else is left as it came.
#![no_main]

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use frontgate::server::h2::handshake::{ConnectPurpose, ask_over_http1};
use http::header::{CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderValue, Method, Response};
use hyper::rt::{Read as _, ReadBuf as HyperReadBuf, Write as _};
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use stream::{OneWay, block_on};

#[path = "../stream.rs"]
mod stream;

/// The preface and SETTINGS of a client, without which no frame is looked at.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// A client of a fuzzer needs no more streams to be interesting.
const REQUESTS: usize = 16;

fuzz_target!(|bytes: &[u8]| {
    let mut sent = PREFACE.to_vec();
    sent.extend_from_slice(bytes);
    block_on(serve(Client(OneWay::asking(&sent))));
});

async fn serve(client: Client) {
    let mut builder = h2::server::Builder::new();
    let Ok(mut connection) = builder.enable_connect_protocol().handshake::<_, Bytes>(client).await else { return };
    for _ in 0..REQUESTS {
        let Some(Ok((mut request, mut respond))) = connection.accept().await else { return };
        let open = !request.body().is_end_stream();
        let (method, uri, fields) = (request.method().clone(), request.uri().clone(), request.headers().clone());
        match ConnectPurpose::of(&request, open) {
            ConnectPurpose::WebSocket => {
                assert!(open && method == Method::CONNECT);
                assert!(ask_over_http1(&mut request), "there is randomness");
                assert_eq!(ConnectPurpose::of(&request, open), ConnectPurpose::Other, "it is an ordinary request now");
                assert_eq!((request.method(), request.uri()), (&Method::GET, &uri));
                let headers = request.headers();
                let all = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
                assert_eq!((all(CONNECTION), all(UPGRADE)), (vec![&b"Upgrade"[..]], vec![&b"websocket"[..]]));
                assert_eq!((all(SEC_WEBSOCKET_KEY).len(), headers[SEC_WEBSOCKET_KEY].len()), (1, 24));
                assert!(!headers.contains_key(CONTENT_LENGTH));
                // Nothing else is lost or made.
                let ours = [CONNECTION, UPGRADE, SEC_WEBSOCKET_KEY, CONTENT_LENGTH];
                for (name, value) in fields.iter().filter(|(name, _)| !ours.contains(name)) {
                    assert!(headers.get_all(name).iter().any(|kept| kept == value), "{name:?}");
                }
                let _ = respond.send_response(Response::new(()), false);
            }
            purpose => {
                assert_eq!((request.method(), request.headers()), (&method, &fields), "{purpose:?} changes nothing");
                let _ = respond.send_response(Response::new(()), true);
            }
        }
    }
}

/// A connection in the traits of tokio, which the h2 library asks for.
struct Client(OneWay);

impl AsyncRead for Client {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let filled = {
            let mut space = HyperReadBuf::new(into.initialize_unfilled());
            match Pin::new(&mut self.0).poll_read(cx, space.unfilled()) {
                Poll::Ready(Ok(())) => space.filled().len(),
                other => return other,
            }
        };
        into.advance(filled);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Client {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
