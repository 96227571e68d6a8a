//! Any first bytes of a connection: no panic, no more memory than a header may have, and nothing behind it is read.
#![no_main]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use frontgate::listener::proxy_protocol::read;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut stream = bytes;
    let result = {
        let mut reading = pin!(read(&mut stream));
        match reading.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => unreachable!("a slice never makes its reader wait"),
        }
    };
    let used = bytes.len() - stream.len();
    assert!(used <= 4096);
    // What follows the header changes nothing: it has not been looked at.
    if result.is_ok() {
        let mut alone = &bytes[..used];
        let mut reading = pin!(read(&mut alone));
        let again = reading.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(again, Poll::Ready(Ok(peer)) if Some(peer) == result.ok()));
    }
});
