//! A request that frontgate accepts is the same to hyper: its line, its fields, its body and where that ends. frontgate
//! may reject more.
#![no_main]

use std::convert::Infallible;
use std::sync::Mutex;

use bytes::Bytes;
use frontgate::server::h1::request_head::{RequestFraming, RequestHead};
use frontgate::upstream::chunks::ChunkDecoder;
use http::header::HeaderMap;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use libfuzzer_sys::fuzz_target;

use stream::{Answer, OneWay, block_on};

#[path = "../stream.rs"]
mod stream;

const LONGEST: usize = 1 << 20;
/// hyper's default is less, and frontgate's limit is the length of the head.
const FIELDS: usize = 4096;

fuzz_target!(|bytes: &[u8]| {
    // An HTTP/2 client, to hyper.
    if bytes.starts_with(b"PRI ") {
        return;
    }
    let mut rest = Bytes::copy_from_slice(bytes);
    let Ok(Some(head)) = RequestHead::take(&mut rest, LONGEST) else { return };
    // What follows is a tunnel's.
    if head.request.method() == Method::CONNECT || head.request.headers().len() > FIELDS / 2 {
        return;
    }
    let (mut data, mut trailers, mut whole) = (Vec::new(), HeaderMap::new(), true);
    match head.framing {
        RequestFraming::None => {}
        RequestFraming::Length(length) => {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            whole = rest.len() >= length;
            data.extend_from_slice(&rest[..rest.len().min(length)]);
        }
        RequestFraming::Chunked => {
            let mut chunks = ChunkDecoder::strict();
            while let Some(frame) = match chunks.next(&mut rest) {
                Ok(frame) => frame,
                Err(_) => return,
            } {
                match frame.into_data() {
                    Ok(piece) => data.extend_from_slice(&piece),
                    Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
                }
            }
            whole = chunks.is_over();
        }
    }
    let (other, body) = by_hyper(bytes).unwrap_or_else(|| panic!("no request to hyper"));
    assert_eq!(other.method(), head.request.method());
    assert_eq!(other.uri(), head.request.uri());
    assert_eq!(other.version(), head.request.version());
    assert_eq!(other.headers(), head.request.headers());
    assert_eq!(body.data, data);
    assert_eq!(body.whole, whole);
    if whole {
        assert_eq!(body.trailers, trailers);
    }
});

/// The first request, and its body.
fn by_hyper(bytes: &[u8]) -> Option<(Request<()>, Answer)> {
    let seen = Mutex::new(None);
    let service = service_fn(async |request: Request<Incoming>| {
        let (head, body) = request.into_parts();
        let request = (Request::from_parts(head, ()), Answer::read(body).await);
        seen.lock().expect("one thread").get_or_insert(request);
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .max_headers(FIELDS)
        .half_close(true)
        .serve_connection(OneWay::asking(bytes), service);
    let _ = block_on(connection);
    seen.into_inner().expect("one thread")
}
