//! A request's head is the same wherever it is cut into pieces, takes no more than it may, and has one reading: written
//! anew, it says the same.

#![no_main]

use bytes::Bytes;
use frontgate::server::h1::request_head::RequestHead;
use libfuzzer_sys::fuzz_target;

const LONGEST: usize = 4096;

fuzz_target!(|bytes: &[u8]| {
    let mut input = Bytes::copy_from_slice(bytes);
    let Ok(Some(head)) = RequestHead::take(&mut input, LONGEST) else { return };
    let taken = &bytes[..bytes.len() - input.len()];
    assert!(taken.ends_with(b"\r\n\r\n"));
    assert!(taken.windows(2).all(|pair| (pair[0] == b'\r') == (pair[1] == b'\n')));

    // No part of it is a head.
    let at = bytes.first().map_or(0, |at| usize::from(*at) % taken.len());
    assert!(matches!(RequestHead::take(&mut Bytes::copy_from_slice(&taken[..at]), LONGEST), Ok(None)));

    let mut again =
        format!("{} {} {:?}\r\n", head.request.method(), head.request.uri(), head.request.version()).into_bytes();
    for (name, value) in head.request.headers() {
        again.extend_from_slice(name.as_str().as_bytes());
        again.extend_from_slice(b": ");
        again.extend_from_slice(value.as_bytes());
        again.extend_from_slice(b"\r\n");
    }
    again.extend_from_slice(b"\r\n");
    let mut again = Bytes::from(again);
    let Ok(Some(second)) = RequestHead::take(&mut again, 2 * LONGEST) else { panic!("it is no head") };
    assert_eq!((second.framing, second.options), (head.framing, head.options));
    assert_eq!(second.request.headers(), head.request.headers());
});
