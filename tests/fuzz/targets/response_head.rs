//! The head of an answer is the same wherever it is cut into pieces, takes no more than it may, and is found where one
//! is looked for.
#![no_main]

use bytes::Bytes;
use frontgate::upstream::ResponseHead;
use libfuzzer_sys::fuzz_target;

const LONGEST: usize = 4096;

fuzz_target!(|input: (bool, &[u8])| {
    let (to_head, bytes) = input;
    let bytes = Bytes::copy_from_slice(bytes);
    let Ok(Some(head)) = ResponseHead::parse(&bytes, LONGEST, to_head) else { return };
    assert!(head.length <= LONGEST);
    let taken = bytes.slice(..head.length);
    assert!(taken.ends_with(b"\n\r\n") || taken.ends_with(b"\n\n"));

    // No part of it is a head, and nothing behind it matters.
    let at = bytes.first().map_or(0, |at| usize::from(*at) % taken.len());
    assert!(matches!(ResponseHead::parse(&taken.slice(..at), LONGEST, to_head), Ok(None)));
    let alone = ResponseHead::parse(&taken, LONGEST, to_head).expect("a head").expect("all of it");
    assert_eq!(alone.response.headers(), head.response.headers());
    assert_eq!((alone.response.status(), alone.stays, alone.length), (head.response.status(), head.stays, head.length));
    // The length of its body is said once.
    assert!(head.response.headers().get_all("content-length").iter().count() <= 1 || head.body.is_over());
    assert!(!head.response.headers().contains_key("transfer-encoding"));
});
