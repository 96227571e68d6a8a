//! Whatever comes instead of a Redis: no panic, nothing behind a reply is read, and more bytes never change a reply that is whole.
#![no_main]

use frontgate::cluster::resp::reply;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(Some((whole, length))) = reply(bytes) else { return };
    assert!(length <= bytes.len());
    assert_eq!(reply(&bytes[..length]), Ok(Some((whole, length))));
    assert_eq!(reply(&bytes[..length - 1]), Ok(None), "a reply that lacks its last byte");
});
