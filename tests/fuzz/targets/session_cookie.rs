//! Whatever cookies a browser brings: no panic, and nothing opens but what was sealed here, for this purpose, unchanged.
#![no_main]

use std::time::Duration;

use frontgate::http::auth::session::contents::Session;
use frontgate::http::auth::session::cookies::CookieName;
use frontgate::http::auth::session::sealing::SealingKeys;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let name = CookieName::new("0", "session");
    let mut brought = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(8) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            brought.append(COOKIE, value);
        }
    }
    let keys = SealingKeys::fresh(0).expect("random bytes");
    if let Some(value) = name.read(&brought) {
        assert_eq!(keys.open("session", &value), None, "not sealed with these keys");
    }
    // A file of keys, and what a seal holds, are read whole or not at all.
    let _ = (SealingKeys::parse(bytes), Session::decode(bytes));

    let sealed = keys.seal("session", bytes).expect("random bytes");
    assert_eq!(keys.open("session", &sealed).as_deref(), Some(bytes));
    assert_eq!(keys.open("login", &sealed), None, "for another purpose");
    // What is kept in cookies comes back as it was, if a browser can keep it.
    let Ok(cookies) = name.keep(&sealed, Duration::from_secs(1)) else { return };
    let pairs = cookies.iter().map(|cookie| cookie.to_str().expect("ASCII").split(';').next().expect("a pair"));
    let all = HeaderValue::try_from(pairs.collect::<Vec<_>>().join("; ")).expect("a field");
    assert_eq!(name.read(&HeaderMap::from_iter([(COOKIE, all)])), Some(sealed));
});
