//! A frame header says the same whatever follows it, asks for more only while more can matter, and reads back what it
//! says.

#![no_main]

use frontgate::websocket::frame::{FrameHead, MAX_HEADER};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let whole = FrameHead::parse(bytes);
    // What is known of a beginning holds for the whole.
    for end in 0..bytes.len().min(MAX_HEADER + 1) {
        let part = FrameHead::parse(&bytes[..end]);
        if part != Ok(None) {
            assert_eq!(part, whole);
        }
    }
    match whole {
        Err(_) => {}
        Ok(None) => assert!(bytes.len() < MAX_HEADER),
        Ok(Some(head)) => {
            assert!(head.size <= bytes.len().min(MAX_HEADER));
            assert!(head.len < 1 << 63);
            assert!(!head.opcode.is_control() || head.fin && head.len <= 125);
            let length = match head.len {
                0..126 => 0,
                126..65_536 => 2,
                _ => 8,
            };
            assert_eq!(head.size, 2 + length + head.mask.map_or(0, |mask| mask.len()));
        }
    }
});
