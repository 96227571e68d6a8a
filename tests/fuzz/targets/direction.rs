//! Whatever the chunks and the stops, a direction passes on, swallows and refuses the same; and what it passes on is
//! what it got, in order, and a whole frame wherever it says so.

#![no_main]

use frontgate::websocket::Side;
use frontgate::websocket::direction::{AcceptUntil, Direction, FrameRules};
use frontgate::websocket::frame::{FrameHead, PingPayload, Violation};
use libfuzzer_sys::fuzz_target;
use tokio::time::Instant;

/// Short and easy to hit.
const OURS: [PingPayload; 2] = [[0; 8], [1; 8]];

#[derive(Debug, PartialEq)]
struct Relayed {
    out: Vec<u8>,
    pongs: Vec<PingPayload>,
    violation: Option<Violation>,
    code: Option<Option<u16>>,
    frames: u64,
}

fuzz_target!(|input: (bool, bool, bool, Vec<u8>, Vec<u8>)| {
    let (client, expects_pongs, limited, mut bytes, steps) = input;
    let from = if client { Side::Client } else { Side::Gateway };
    let rules = match limited {
        true => FrameRules {
            max_frame: Some(64),
            max_message: Some(128),
            max_messages_per_minute: Some(5),
            max_control_per_minute: Some(5),
        },
        false => FrameRules::default(),
    };
    if client {
        set_masks(&mut bytes);
    }
    let now = Instant::now();
    let relay = |steps: &[u8]| {
        let mut direction = Direction::new(from, rules);
        if expects_pongs {
            OURS.iter().for_each(|ping| direction.expect_pong(*ping));
        }
        relay(&mut direction, &bytes, steps, now)
    };
    let at_once = relay(&[]);
    assert_eq!(relay(&steps), at_once);
    assert_eq!(relay(&[1]), at_once);
    if at_once.pongs.is_empty() {
        assert!(bytes.starts_with(&at_once.out));
    }
});

/// Gives frame headers the bit that a client's frames need, as far as `bytes` are frames: otherwise few inputs get
/// anywhere.
fn set_masks(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(second) = bytes.get_mut(at + 1) {
        *second |= 0x80;
        let Ok(Some(head)) = FrameHead::parse(&bytes[at..]) else { return };
        at = usize::try_from(head.len).map_or(usize::MAX, |len| len.saturating_add(at + head.size));
        if at >= bytes.len() {
            return;
        }
    }
}

/// Relays `bytes` in chunks: each step is the size of one and, in its highest bit, whether we want a boundary.
fn relay(direction: &mut Direction, bytes: &[u8], steps: &[u8], now: Instant) -> Relayed {
    let mut out = Vec::new();
    let mut pongs = Vec::new();
    let mut violation = None;
    let mut boundaries = Vec::new();
    let mut rest = bytes;
    let mut steps = steps.iter().cycle();
    'all: while !rest.is_empty() {
        let (size, mut stop) = match steps.next() {
            None => (rest.len(), AcceptUntil::Never),
            Some(step) => {
                let stop = if step & 0x80 == 0 { AcceptUntil::Never } else { AcceptUntil::AtBoundary };
                (rest.len().min(usize::from(step & 0x7F).max(1)), stop)
            }
        };
        let (mut chunk, after) = rest.split_at(size);
        while !chunk.is_empty() {
            let accepted = match direction.accept(chunk, stop, now) {
                Ok(accepted) => accepted,
                Err(error) => {
                    violation = Some(error);
                    assert!(direction.at_boundary());
                    break 'all;
                }
            };
            out.extend_from_slice(accepted.prefix.as_bytes());
            out.extend_from_slice(&chunk[..accepted.pass]);
            pongs.extend(accepted.pong);
            assert!(accepted.pass <= accepted.take);
            if accepted.take == 0 {
                assert!(stop == AcceptUntil::AtBoundary && direction.at_boundary());
            }
            if direction.at_boundary() {
                boundaries.push(out.len());
                stop = AcceptUntil::Never;
            }
            chunk = &chunk[accepted.take..];
        }
        rest = after;
    }
    let ends = frame_ends(&out);
    assert!(boundaries.iter().all(|boundary| ends.contains(boundary)));
    assert_eq!(direction.counters().bytes, out.len() as u64);
    let code = direction.close().map(|close| close.code);
    Relayed { out, pongs, violation, code, frames: direction.counters().frames }
}

/// Where the whole frames in `bytes` end.
fn frame_ends(bytes: &[u8]) -> Vec<usize> {
    let mut ends = vec![0];
    let mut at = 0;
    while let Some(head) = FrameHead::parse(&bytes[at..]).expect("what passed was accepted") {
        let Ok(len) = usize::try_from(head.len) else { break };
        at = at.saturating_add(head.size).saturating_add(len);
        if at > bytes.len() {
            break;
        }
        ends.push(at);
    }
    ends
}
