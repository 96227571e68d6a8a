//! An answer that frontgate accepts is the same to hyper: its status, its fields, its body and where that ends.
//! frontgate may reject more.
#![no_main]

use std::future::{Future, poll_fn};
use std::pin::pin;

use bytes::Bytes;
use frontgate::upstream::ResponseHead;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, TRANSFER_ENCODING};
use http::{Method, Request, Response};
use hyper::ext::ReasonPhrase;
use libfuzzer_sys::fuzz_target;

use stream::{Answer, OneWay, block_on};

#[path = "../stream.rs"]
mod stream;

const LONGEST: usize = 1 << 20;
/// What frontgate's own parser has room for; hyper's default is less.
const FIELDS: usize = 256;

fuzz_target!(|input: (bool, &[u8])| {
    let (to_head, bytes) = input;
    let mut rest = Bytes::copy_from_slice(bytes);
    let Ok(Some(head)) = ResponseHead::parse(&rest, LONGEST, to_head) else { return };
    // Interim answers are not handed over by hyper, and a switch of protocols ends it.
    if head.response.status().is_informational() {
        return;
    }
    let _ = rest.split_to(head.length);
    let mut body = head.body;
    let (mut data, mut trailers) = (Vec::new(), HeaderMap::new());
    let whole = loop {
        match body.next(&mut rest) {
            Ok(None) => break body.is_over() || matches!(body, frontgate::upstream::BodyDecoder::UntilClose),
            Ok(Some(frame)) => match frame.into_data() {
                Ok(piece) => data.extend_from_slice(&piece),
                Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
            },
            // What came before it may have been passed on; to hyper it may be more.
            Err(_) => return,
        }
    };
    let Some((other, answer)) = by_hyper(bytes, to_head) else { panic!("no answer to hyper") };
    assert_eq!(other.status(), head.response.status());
    assert_eq!(other.version(), head.response.version());
    assert_eq!(reason(&other), reason(&head.response));
    let keep_alive = HeaderName::from_static("keep-alive");
    let hop = [&CONNECTION, &TRANSFER_ENCODING, &CONTENT_LENGTH, &keep_alive];
    assert_eq!(without(&hop, other.headers()), without(&hop, head.response.headers()));
    assert_eq!(answer.data, data);
    assert_eq!(answer.whole, whole);
    if whole {
        assert_eq!(answer.trailers, trailers);
    }
});

fn reason<T>(response: &Response<T>) -> Option<&[u8]> {
    response.extensions().get::<ReasonPhrase>().map(ReasonPhrase::as_bytes)
}

fn without(names: &[&HeaderName], fields: &HeaderMap) -> HeaderMap {
    let mut fields = fields.clone();
    names.iter().for_each(|name| while fields.remove(*name).is_some() {});
    fields
}

fn by_hyper(bytes: &[u8], to_head: bool) -> Option<(Response<()>, Answer)> {
    block_on(async {
        let handshake = hyper::client::conn::http1::Builder::new().max_headers(FIELDS).handshake(OneWay::answering(bytes));
        let (mut sender, connection) = handshake.await.ok()?;
        let method = if to_head { Method::HEAD } else { Method::GET };
        let request = Request::builder().method(method).uri("/").body(String::new()).expect("a request");
        let exchange = async {
            let (head, body) = sender.send_request(request).await.ok()?.into_parts();
            Some((Response::from_parts(head, ()), Answer::read(body).await))
        };
        first(exchange, connection).await
    })
}

/// What `wanted` gives, while `beside` runs.
async fn first<T>(wanted: impl Future<Output = T>, beside: impl Future) -> T {
    let (mut wanted, mut beside) = (pin!(wanted), pin!(beside));
    let mut is_over = false;
    poll_fn(|cx| {
        // hyper ends a connection with the end of its stream, and what it has read must still be fetched.
        is_over = is_over || beside.as_mut().poll(cx).is_ready();
        wanted.as_mut().poll(cx)
    })
    .await
}
