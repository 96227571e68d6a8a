use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::*;
use crate::observe::Metrics;
use crate::observe::metrics::tests::value;
use crate::websocket::frame::{OwnFrame, unmasked};

const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
const OURS: PingPayload = *b"ours-000";
const OLDER: PingPayload = *b"ours-old";
/// The reserved bit of compressed messages, as an example of one that must pass.
const RSV1: u8 = 0x40;

/// A frame as `from` would send it; `first` is its first byte.
fn frame(from: Side, first: u8, payload: &[u8]) -> Vec<u8> {
    let (bit, mask) = match from {
        Side::Client => (0x80, Some(KEY)),
        Side::Gateway => (0, None),
    };
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..126 => bytes.push(bit | u8::try_from(len).unwrap()),
        len @ 126..65_536 => {
            bytes.push(bit + 126);
            bytes.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            bytes.push(bit + 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(mask.iter().flatten());
    bytes.extend(unmasked(payload, mask).iter());
    bytes
}

/// What became of some chunks.
#[derive(Debug, Default, PartialEq)]
struct Relayed {
    /// What the other peer gets.
    out: Vec<u8>,
    /// `out` with a frame of frontgate's own wherever the test asked for a boundary.
    with_ours: Vec<u8>,
    /// Where in `out` the direction said that a frame of frontgate's own fits in.
    boundaries: Vec<usize>,
    pongs: Vec<PingPayload>,
    violation: Option<Violation>,
}

/// Does with `chunks` what the relay does; `ask` says before each call whether a frame of frontgate's own is to be
/// written.
fn relay<'a>(
    direction: &mut Direction,
    chunks: impl IntoIterator<Item = &'a [u8]>,
    mut ask: impl FnMut() -> AcceptUntil,
    mut on_pong: impl FnMut(&mut Direction),
) -> Relayed {
    let now = Instant::now();
    let mut relayed = Relayed::default();
    let mut just_wrote_ours = false;
    for mut chunk in chunks {
        // Each call takes a byte, or makes room for a frame of frontgate's own.
        let mut calls = 2 * chunk.len();
        while !chunk.is_empty() {
            assert!(calls > 0, "no end at {chunk:02x?}");
            calls -= 1;
            let stop = if std::mem::take(&mut just_wrote_ours) { AcceptUntil::Never } else { ask() };
            let accepted = match direction.accept(chunk, stop, now) {
                Ok(accepted) => accepted,
                Err(violation) => {
                    assert!(direction.at_boundary(), "a violation leaves no room for a Close");
                    assert_eq!(direction.accept(chunk, stop, now), Err(violation), "a failed direction goes on");
                    relayed.violation = Some(violation);
                    return relayed;
                }
            };
            for written in [accepted.prefix.as_bytes(), &chunk[..accepted.pass]] {
                relayed.out.extend(written);
                relayed.with_ours.extend(written);
            }
            if let Some(payload) = accepted.pong {
                relayed.pongs.push(payload);
                on_pong(direction);
            }
            if accepted.take == 0 {
                assert!(direction.at_boundary() && stop == AcceptUntil::AtBoundary, "nothing was taken");
            }
            if direction.at_boundary() {
                relayed.boundaries.push(relayed.out.len());
                if stop == AcceptUntil::AtBoundary && direction.close().is_none() {
                    relayed.with_ours.extend(OwnFrame::ping(b"inserted", None).as_bytes());
                    just_wrote_ours = true;
                }
            }
            chunk = &chunk[accepted.take..];
        }
    }
    assert_eq!(direction.counters().bytes, relayed.out.len() as u64);
    relayed
}

fn relay_all<'a>(direction: &mut Direction, chunks: impl IntoIterator<Item = &'a [u8]>) -> Relayed {
    relay(direction, chunks, || AcceptUntil::Never, |_| ())
}

/// Where the frames in `bytes` end.
fn frame_ends(mut bytes: &[u8]) -> Vec<usize> {
    let mut ends = vec![0];
    while !bytes.is_empty() {
        let head = FrameHead::parse(bytes).unwrap().expect("a whole header");
        let size = head.size + usize::try_from(head.len).unwrap();
        bytes = &bytes[size..];
        ends.push(ends[ends.len() - 1] + size);
    }
    ends
}

/// A stream, and what is to come out of it.
struct Stream {
    from: Side,
    bytes: Vec<u8>,
    out: Vec<u8>,
}

impl Stream {
    fn new(from: Side) -> Self {
        Self { from, bytes: Vec::new(), out: Vec::new() }
    }

    fn pass(mut self, first: u8, payload: &[u8]) -> Self {
        let frame = frame(self.from, first, payload);
        self.bytes.extend(&frame);
        self.out.extend(&frame);
        self
    }

    fn swallow(mut self, first: u8, payload: &[u8]) -> Self {
        self.bytes.extend(frame(self.from, first, payload));
        self
    }
}

/// Streams with everything that has its own path through the code.
fn streams(from: Side) -> Vec<Stream> {
    vec![
        Stream::new(from).pass(0x81, b"hello").pass(0x82, b"").pass(0x81 | RSV1, b"squeezed").pass(0x82, &[7; 125]),
        Stream::new(from).pass(0x82, &[1; 126]).pass(0x82, &[2; 300]).pass(0x81, b"x"),
        // Control frames between fragments, empty ones too.
        Stream::new(from)
            .pass(0x01, b"frag")
            .pass(0x89, b"ping me")
            .pass(0x00, b"")
            .pass(0x8A, b"")
            .pass(0x00, b"men")
            .pass(0x80, b"ted")
            .pass(0x8A, b"unasked!"),
        // Pongs that look like ours, before and after ours.
        Stream::new(from)
            .pass(0x8A, b"someones")
            .pass(0x8A, b"ours-00")
            .pass(0x8A, b"ours-000 and more")
            .pass(0x89, &OURS)
            .swallow(0x8A, &OURS)
            .pass(0x8A, &OURS)
            .pass(0x82, &OURS),
        Stream::new(from).swallow(0x8A, &OURS).pass(0x81, b"after"),
        Stream::new(from).pass(0x01, b"in a").swallow(0x8A, &OURS).pass(0x80, b"message"),
        Stream::new(from)
            .pass(0x81, b"last")
            .pass(0x88, b"\x03\xE9gone \xE2\x82\xAC")
            .swallow(0x81, b"nothing follows a Close"),
        Stream::new(from).pass(0x88, b"").swallow(0x83, b"not even garbage"),
    ]
}

#[test]
fn whatever_the_split_the_same_comes_out() {
    for from in [Side::Client, Side::Gateway] {
        for (number, stream) in streams(from).iter().enumerate() {
            let ends = frame_ends(&stream.out);
            let check = |chunks: &[&[u8]], what: &str| {
                let mut direction = Direction::new(from, FrameRules::default());
                direction.expect_pong(OLDER);
                direction.expect_pong(OURS);
                let relayed = relay_all(&mut direction, chunks.iter().copied());
                assert_eq!(relayed.violation, None, "{from:?} {number} {what}");
                assert_eq!(relayed.out, stream.out, "{from:?} {number} {what}");
                for boundary in &relayed.boundaries {
                    assert!(ends.contains(boundary), "{from:?} {number} {what}: {boundary} is inside a frame");
                }
                assert!(relayed.pongs.iter().all(|pong| *pong == OURS) && relayed.pongs.len() <= 1);
                assert_eq!(direction.counters().frames, ends.len() as u64 - 1, "{from:?} {number} {what}");
            };
            for first in 0..=stream.bytes.len() {
                let (one, rest) = stream.bytes.split_at(first);
                check(&[one, rest], &format!("split at {first}"));
                for second in (0..=rest.len()).step_by(if stream.bytes.len() > 200 { 17 } else { 1 }) {
                    let (two, three) = rest.split_at(second);
                    check(&[one, two, three], &format!("split at {first} and {second} after"));
                }
            }
            let bytes: Vec<&[u8]> = stream.bytes.chunks(1).collect();
            check(&bytes, "byte by byte");
        }
    }
}

#[test]
fn without_a_ping_of_ours_every_pong_passes_and_only_headers_wait() {
    for from in [Side::Client, Side::Gateway] {
        let bytes = [frame(from, 0x8A, &OURS), frame(from, 0x81, b"text")].concat();
        let head = FrameHead::parse(&bytes).unwrap().unwrap();
        for split in 0..=bytes.len() {
            let mut direction = Direction::new(from, FrameRules::default());
            let (one, two) = bytes.split_at(split);
            let early = relay_all(&mut direction, [one]);
            if (head.size..head.size + PING_LEN).contains(&split) {
                assert_eq!(early.out, one, "the payload of a pong waits");
            }
            let late = direction.accept(two, AcceptUntil::Never, Instant::now()).unwrap();
            assert_eq!([&early.out, late.prefix.as_bytes(), &two[..late.pass]].concat(), bytes);
            assert_eq!(late.pong, None);
        }
    }
}

#[test]
fn lengths_of_eight_bytes_survive_splits_of_their_header() {
    for from in [Side::Client, Side::Gateway] {
        let bytes = [frame(from, 0x82, &vec![3; 65_536]), frame(from, 0x81, b"next")].concat();
        let near_headers = (0..20).chain(bytes.len() - 20..bytes.len());
        for split in near_headers {
            let mut direction = Direction::new(from, FrameRules::default());
            let (one, two) = bytes.split_at(split);
            let relayed = relay_all(&mut direction, [one, two]);
            assert_eq!(relayed.violation, None);
            assert!(relayed.out == bytes, "split at {split}");
        }
    }
}

#[test]
fn good_bytes_pass_before_a_violation_whatever_the_split() {
    use Side::{Client, Gateway};
    let text = |from, first| frame(from, first, b"text");
    let rows: &[(Side, Vec<u8>, Vec<u8>, Violation)] = &[
        (Client, text(Client, 0x81), vec![0x83], Violation::ReservedOpcode),
        (Client, text(Client, 0x81), vec![0x09], Violation::FragmentedControl),
        (Client, text(Client, 0x81), vec![0x89, 0xFE], Violation::LongControl),
        (Client, text(Client, 0x81), vec![0x82, 0xFE, 0, 125], Violation::NonMinimalLength),
        (Client, text(Client, 0x81), vec![0x82, 0xFF, 0x80], Violation::LengthOverflow),
        (Client, text(Client, 0x81), text(Gateway, 0x81), Violation::Unmasked),
        (Client, text(Client, 0x81), frame(Gateway, 0x8A, &OURS), Violation::Unmasked),
        (Gateway, text(Gateway, 0x81), text(Client, 0x81), Violation::Masked),
        (Gateway, text(Gateway, 0x81), frame(Client, 0x8A, &OURS), Violation::Masked),
        (Client, text(Client, 0x81), text(Client, 0x80), Violation::UnexpectedContinuation),
        (Client, vec![], text(Client, 0x00), Violation::UnexpectedContinuation),
        (Client, text(Client, 0x01), text(Client, 0x81), Violation::UnfinishedMessage),
        (Gateway, text(Gateway, 0x02), text(Gateway, 0x02), Violation::UnfinishedMessage),
        (Client, text(Client, 0x81), frame(Client, 0x88, &[3]), Violation::ShortClose),
        (Gateway, text(Gateway, 0x01), frame(Gateway, 0x88, &[3]), Violation::ShortClose),
    ];
    for (from, good, bad, violation) in rows {
        let bytes = [&good[..], bad].concat();
        for split in 0..=bytes.len() {
            let mut direction = Direction::new(*from, FrameRules::default());
            direction.expect_pong(OURS);
            let (one, two) = bytes.split_at(split);
            let relayed = relay_all(&mut direction, [one, two]);
            assert_eq!(relayed.violation, Some(*violation), "{bad:02x?} split at {split}");
            assert_eq!(relayed.out, *good, "{bad:02x?} split at {split}");
        }
    }
}

#[test]
fn whole_frames_and_the_inside_of_one_pass_in_one_call() {
    let now = Instant::now();
    let mut direction = Direction::new(Side::Client, FrameRules::default());
    direction.expect_pong(OURS);
    let many: Vec<u8> = (0..100).flat_map(|n| frame(Side::Client, 0x81, &[n; 50])).collect();
    let whole = Accepted { pass: many.len(), take: many.len(), ..Accepted::default() };
    assert_eq!(direction.accept(&many, AcceptUntil::Never, now), Ok(whole));

    let big = frame(Side::Client, 0x82, &vec![0; 100_000]);
    let (begin, rest) = big.split_at(50_000);
    let some = Accepted { pass: begin.len(), take: begin.len(), ..Accepted::default() };
    assert_eq!(direction.accept(begin, AcceptUntil::Never, now), Ok(some));
    assert!(!direction.at_boundary());
    let middle = Accepted { pass: 1000, take: 1000, ..Accepted::default() };
    assert_eq!(direction.accept(&rest[..1000], AcceptUntil::AtBoundary, now), Ok(middle));
}

#[test]
fn a_stop_comes_at_the_end_of_the_frame_and_before_held_bytes() {
    let now = Instant::now();
    let mut direction = Direction::new(Side::Gateway, FrameRules::default());
    let none = Accepted::default();
    assert_eq!(direction.accept(b"\x81\x02hi", AcceptUntil::AtBoundary, now), Ok(none));

    let to_end = Accepted { pass: 2, take: 2, ..none };
    assert_eq!(direction.accept(b"\x81\x02h", AcceptUntil::Never, now), Ok(Accepted { pass: 3, take: 3, ..none }));
    assert_eq!(direction.accept(b"i\x81", AcceptUntil::AtBoundary, now), Ok(Accepted { pass: 1, take: 1, ..none }));

    // The held byte was not passed on: a frame of ours goes before it.
    assert_eq!(direction.accept(b"\x81", AcceptUntil::Never, now), Ok(Accepted { take: 1, ..none }));
    assert!(direction.at_boundary());
    assert_eq!(direction.accept(b"\x01!", AcceptUntil::AtBoundary, now), Ok(none));
    let accepted = direction.accept(b"\x01!", AcceptUntil::Never, now).unwrap();
    assert_eq!(
        (accepted.prefix.as_bytes(), Accepted { prefix: FramePrefix::default(), ..accepted }),
        (&b"\x81"[..], to_end)
    );
}

#[test]
fn a_stop_before_a_close_takes_all_frames_that_come_before_it_and_no_byte_of_it() {
    let now = Instant::now();
    let stopped = Accepted { before_close: true, ..Accepted::default() };
    for close in [&b"\x88\x00"[..], b"\x88\x02\x03\xE9", b"\x88\x05\x03\xE9bye"] {
        let bytes = [b"\x81\x02hi\x89\x00\x01\x01a", close].concat();
        for split in 0..=bytes.len() {
            let mut direction = Direction::new(Side::Gateway, FrameRules::default());
            let (mut passed, mut taken, mut come, mut stops) = (Vec::new(), 0, split, false);
            while !stops {
                let chunk = &bytes[taken..come];
                if chunk.is_empty() {
                    assert!(come < bytes.len(), "the Close is not seen, split at {split}");
                    come = bytes.len();
                    continue;
                }
                let accepted = direction.accept(chunk, AcceptUntil::BeforeClose, now).unwrap();
                passed.extend([accepted.prefix.as_bytes(), &chunk[..accepted.pass]].concat());
                taken += accepted.take;
                stops = accepted.before_close;
            }
            assert!(direction.at_boundary() && direction.close().is_none(), "{bytes:02x?} split at {split}");
            assert_eq!(passed, bytes[..bytes.len() - close.len()], "split at {split}");
            let left = &bytes[taken..];
            assert_eq!(direction.accept(left, AcceptUntil::BeforeClose, now), Ok(stopped), "it stays there");
            // The head may have been held in part.
            let accepted = direction.accept(left, AcceptUntil::Never, now).unwrap();
            assert_eq!([accepted.prefix.as_bytes(), &left[..accepted.pass]].concat(), close, "split at {split}");
            assert!(direction.close().is_some());
        }
    }
}

#[test]
fn a_pong_answers_older_pings_too_and_only_the_latest_four_are_remembered() {
    let now = Instant::now();
    let pong = |n: u8| frame(Side::Client, 0x8A, &[n; 8]);
    let swallowed = |direction: &mut Direction, n: u8| {
        let accepted = direction.accept(&pong(n), AcceptUntil::Never, now).unwrap();
        assert_eq!(accepted.take, pong(n).len());
        assert_eq!(accepted.pass == 0, accepted.pong == Some([n; 8]));
        accepted.pong.is_some()
    };

    let mut direction = Direction::new(Side::Client, FrameRules::default());
    (1..=3).for_each(|n| direction.expect_pong([n; 8]));
    assert!(swallowed(&mut direction, 2));
    assert!(!swallowed(&mut direction, 1), "the first ping was answered with the second");
    assert!(!swallowed(&mut direction, 2), "a pong was already taken for it");
    assert!(swallowed(&mut direction, 3));
    assert!(direction.pongs.is_none());

    (1..=5).for_each(|n| direction.expect_pong([n; 8]));
    assert!(!swallowed(&mut direction, 1), "the oldest was forgotten");
    assert!(swallowed(&mut direction, 2), "the second of five is remembered");
    assert!(swallowed(&mut direction, 5));
}

#[test]
fn a_close_is_read_as_it_passes_and_ends_the_direction() {
    let none = CloseSeen { code: None, reason: String::new() };
    let seen = |code, reason: &str| CloseSeen { code: Some(code), reason: reason.into() };
    let long = "y".repeat(123);
    let rows = [
        (vec![], none),
        (b"\x03\xE8".to_vec(), seen(1000, "")),
        (b"\x0F\xA0tick timeout".to_vec(), seen(4000, "tick timeout")),
        (b"\x03\xE8\xFFbroken".to_vec(), seen(1000, "\u{FFFD}broken")),
        ([&b"\x03\xF0"[..], long.as_bytes()].concat(), seen(1008, &long)),
    ];
    for from in [Side::Client, Side::Gateway] {
        for (payload, expected) in &rows {
            let close = frame(from, 0x88, payload);
            let bytes = [&close[..], &frame(from, 0x81, b"more")].concat();
            for split in 0..=bytes.len() {
                let mut direction = Direction::new(from, FrameRules::default());
                let (one, two) = bytes.split_at(split);
                let first = relay_all(&mut direction, [one]);
                assert_eq!(direction.close().is_some(), split >= close.len());
                assert_eq!(direction.at_boundary(), first.out.is_empty() || split >= close.len());
                let second = direction.accept(two, AcceptUntil::Never, Instant::now()).unwrap();
                assert_eq!(second.take, two.len());
                assert_eq!([&first.out, second.prefix.as_bytes(), &two[..second.pass]].concat(), close);
                assert_eq!(direction.close(), Some(expected));
            }
        }
    }
}

#[test]
fn limits_refuse_what_is_over_them() {
    /// The rules, frames as first byte and payload length, and what the last of them violates.
    type Row<'a> = (FrameRules, &'a [(u8, usize)], Option<Violation>);
    let only = FrameRules::default();
    let frame_4 = FrameRules { max_frame: Some(4), ..only };
    let message_4 = FrameRules { max_message: Some(4), ..only };
    let two_a_minute = FrameRules { max_messages_per_minute: Some(2), ..only };
    let control_2 = FrameRules { max_control_per_minute: Some(2), ..only };
    let rows: &[Row] = &[
        (only, &[(0x82, 100_000), (0x02, 100_000), (0x80, 100_000)], None),
        (frame_4, &[(0x82, 4), (0x01, 4), (0x00, 4), (0x80, 4)], None),
        (frame_4, &[(0x82, 5)], Some(Violation::FrameTooBig)),
        (frame_4, &[(0x01, 4), (0x80, 5)], Some(Violation::FrameTooBig)),
        (frame_4, &[(0x89, 5), (0x8A, 125)], None),
        (message_4, &[(0x82, 4), (0x82, 4), (0x01, 2), (0x00, 1), (0x89, 9), (0x80, 1)], None),
        (message_4, &[(0x82, 5)], Some(Violation::MessageTooBig)),
        (message_4, &[(0x01, 2), (0x00, 2), (0x80, 1)], Some(Violation::MessageTooBig)),
        (two_a_minute, &[(0x81, 0), (0x01, 0), (0x89, 0), (0x00, 0), (0x80, 0)], None),
        (two_a_minute, &[(0x81, 0), (0x81, 0), (0x81, 0)], Some(Violation::TooManyMessages)),
        (control_2, &[(0x89, 0), (0x89, 125), (0x89, 0)], Some(Violation::TooManyControl)),
        (control_2, &[(0x8A, 8), (0x8A, 0), (0x8A, 125)], Some(Violation::TooManyControl)),
        (control_2, &[(0x01, 0), (0x00, 0), (0x00, 0), (0x00, 0)], Some(Violation::TooManyControl)),
        (control_2, &[(0x02, 1), (0x80, 0), (0x89, 1), (0x81, 1), (0x8A, 1)], Some(Violation::TooManyControl)),
        (control_2, &[(0x02, 0), (0x00, 1), (0x00, 1), (0x00, 1), (0x00, 300), (0x80, 1), (0x81, 0), (0x82, 0)], None),
        (control_2, &[(0x89, 0), (0x8A, 0), (0x81, 5), (0x88, 2)], None),
    ];
    for (rules, frames, expected) in rows {
        let frames: Vec<_> = frames.iter().map(|&(first, len)| frame(Side::Client, first, &vec![0; len])).collect();
        let mut direction = Direction::new(Side::Client, *rules);
        let relayed = relay_all(&mut direction, [&frames.concat()[..]]);
        assert_eq!(relayed.violation, *expected, "{rules:?}");
        let passed = if expected.is_some() { &frames[..frames.len() - 1] } else { &frames };
        assert!(relayed.out == passed.concat(), "{rules:?}");
    }
}

#[test]
fn messages_are_counted_by_the_minute() {
    let start = Instant::now();
    let rules = FrameRules { max_messages_per_minute: Some(2), ..FrameRules::default() };
    let mut direction = Direction::new(Side::Client, rules);
    let message = frame(Side::Client, 0x81, b"x");
    for (seconds, fits) in [(0, true), (59, true), (60, true), (119, true), (119, false)] {
        let now = start + Duration::from_secs(seconds);
        assert_eq!(direction.accept(&message, AcceptUntil::Never, now).is_ok(), fits, "at {seconds} s");
    }
}

#[test]
fn answers_to_pings_of_ours_are_not_counted_and_the_count_begins_anew_each_minute() {
    let start = Instant::now();
    let rules = FrameRules { max_control_per_minute: Some(2), ..FrameRules::default() };
    let mut direction = Direction::new(Side::Client, rules);
    let (ping, answer) = (frame(Side::Client, 0x89, b"x"), frame(Side::Client, 0x8A, &OURS));
    for (seconds, frame, expected) in [
        (0, &ping, false),
        (1, &answer, true),
        (2, &answer, true),
        (3, &answer, true),
        (59, &ping, false),
        (60, &ping, false),
        (119, &ping, false),
        (119, &answer, true),
    ] {
        if expected {
            direction.expect_pong(OURS);
        }
        let accepted = direction.accept(frame, AcceptUntil::Never, start + Duration::from_secs(seconds)).unwrap();
        assert_eq!((accepted.take, accepted.pong.is_some()), (frame.len(), expected), "at {seconds} s");
    }
    let late = direction.accept(&answer, AcceptUntil::Never, start + Duration::from_secs(119));
    assert_eq!(late, Err(Violation::TooManyControl), "the same pong once more answers nothing");
}

#[test]
fn messages_count_by_type_and_size_frames_by_opcode_and_answers_to_pings_of_ours_not_at_all() {
    let metrics = Metrics::new();
    let mut direction = Direction::new(Side::Client, FrameRules::default());
    direction.count_in(&metrics.websockets.relay.here().up);
    direction.expect_pong(OURS);
    let frames = [
        (0x81, &[b'x'; 64][..]),
        (0x02, &[0; 60]),
        (0x89, b"ping"),
        (0x80, &[0; 5]),
        (0x8A, &OURS),
        (0x8A, b"theirs"),
        (0x88, b"\x03\xe8"),
    ];
    for (first, payload) in frames {
        let bytes = frame(Side::Client, first, payload);
        direction.accept(&bytes, AcceptUntil::Never, Instant::now()).unwrap();
    }
    for (series, expected) in [
        (r#"messages_total{direction="client_to_gateway",opcode="text"}"#, "1"),
        (r#"messages_total{direction="client_to_gateway",opcode="binary"}"#, "1"),
        (r#"message_bytes_bucket{le="64.0",direction="client_to_gateway"}"#, "1"),
        (r#"message_bytes_bucket{le="256.0",direction="client_to_gateway"}"#, "2"),
        (r#"messages_bytes_total{direction="client_to_gateway",opcode="text"}"#, "64"),
        (r#"messages_bytes_total{direction="client_to_gateway",opcode="binary"}"#, "65"),
        (r#"frames_total{direction="client_to_gateway",opcode="text"}"#, "1"),
        (r#"frames_total{direction="client_to_gateway",opcode="binary"}"#, "1"),
        (r#"frames_total{direction="client_to_gateway",opcode="continuation"}"#, "1"),
        (r#"frames_total{direction="client_to_gateway",opcode="ping"}"#, "1"),
        (r#"frames_total{direction="client_to_gateway",opcode="pong"}"#, "1"),
        (r#"frames_total{direction="client_to_gateway",opcode="close"}"#, "1"),
        (r#"messages_bytes_total{direction="client_to_gateway",opcode="pong"}"#, "6"),
    ] {
        assert_eq!(value(&metrics, &format!("frontgate_{series}")).as_deref(), Some(expected), "{series}");
    }
}

#[test]
fn a_direction_is_small() {
    // There are two of them for every idle socket.
    assert!(size_of::<Direction>() <= 104, "{}", size_of::<Direction>());
}

/// A piece of a stream.
#[derive(Debug, Clone)]
enum Piece {
    Message { first: u8, fragments: Vec<(Vec<u8>, Option<Control>)> },
    Control(Control),
}

#[derive(Debug, Clone)]
enum Control {
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    OwnPong,
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![8 => 0..40_usize, 2 => 120..135_usize, 1 => 300..400_usize, 1 => 65_530..65_545_usize];
    (len, any::<u8>()).prop_map(|(len, byte)| vec![byte; len])
}

fn control() -> impl Strategy<Value = Control> {
    let short = || prop::collection::vec(any::<u8>(), 0..12);
    prop_oneof![
        short().prop_map(Control::Ping),
        short().prop_map(Control::Pong),
        any::<[u8; 8]>().prop_map(|payload| Control::Pong(payload.to_vec())),
        Just(Control::OwnPong),
    ]
}

fn piece() -> impl Strategy<Value = Piece> {
    let fragments = prop::collection::vec((payload(), prop::option::of(control())), 1..4);
    let first = prop::sample::select(vec![0x01, 0x02, 0x01 | RSV1, 0x02 | RSV1]);
    prop_oneof![
        2 => (first, fragments).prop_map(|(first, fragments)| Piece::Message { first, fragments }),
        1 => control().prop_map(Piece::Control),
    ]
}

/// The stream that `pieces` make, and the payloads of the pongs to our pings in it.
fn write(from: Side, pieces: &[Piece]) -> (Stream, Vec<PingPayload>) {
    let mut stream = Stream::new(from);
    let mut ours: Vec<PingPayload> = Vec::new();
    let mut put = |stream: Stream, control: &Control| match control {
        Control::Ping(payload) => stream.pass(0x89, payload),
        Control::Pong(payload) => stream.pass(0x8A, payload),
        Control::OwnPong => {
            ours.push([b"our", &ours.len().to_be_bytes()[3..]].concat().try_into().unwrap());
            stream.swallow(0x8A, &ours[ours.len() - 1])
        }
    };
    for piece in pieces {
        match piece {
            Piece::Control(control) => stream = put(stream, control),
            Piece::Message { first, fragments } => {
                for (at, (payload, between)) in fragments.iter().enumerate() {
                    let last = at + 1 == fragments.len();
                    let opcode = if at == 0 { *first } else { 0 };
                    stream = stream.pass(if last { opcode | 0x80 } else { opcode }, payload);
                    if let Some(control) = between {
                        stream = put(stream, control);
                    }
                }
            }
        }
    }
    (stream, ours)
}

proptest! {
    #[test]
    fn whatever_the_chunks_and_stops_what_goes_in_comes_out_with_our_frames_between(
        from in prop::sample::select(vec![Side::Client, Side::Gateway]),
        pieces in prop::collection::vec(piece(), 0..8),
        sizes in prop::collection::vec(prop_oneof![3 => 1..20_usize, 1 => 20..70_000_usize], 1..20),
        asks in prop::collection::vec(any::<bool>(), 1..20),
    ) {
        let (stream, ours) = write(from, &pieces);
        let mut chunks = Vec::new();
        let mut rest = &stream.bytes[..];
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at(rest.len().min(*size));
            chunks.push(chunk);
            rest = after;
        }

        let mut direction = Direction::new(from, FrameRules::default());
        let mut pings = ours.iter();
        pings.by_ref().take(2).for_each(|ping| direction.expect_pong(*ping));
        let mut asks = asks.iter().cycle();
        let relayed = relay(
            &mut direction,
            chunks,
            || if *asks.next().unwrap() { AcceptUntil::AtBoundary } else { AcceptUntil::Never },
            |direction| pings.by_ref().take(1).for_each(|ping| direction.expect_pong(*ping)),
        );

        prop_assert_eq!(relayed.violation, None);
        prop_assert!(relayed.out == stream.out);
        prop_assert_eq!(relayed.pongs, ours);
        prop_assert!(direction.at_boundary());
        let ends = frame_ends(&stream.out);
        prop_assert_eq!(direction.counters().frames, ends.len() as u64 - 1);
        for boundary in relayed.boundaries {
            prop_assert!(ends.contains(&boundary));
        }
        // Every frame of ours stands between two frames of the peer: without them the stream is as before.
        let inserted = OwnFrame::ping(b"inserted", None);
        let all = frame_ends(&relayed.with_ours);
        let frames = all.windows(2).map(|ends| &relayed.with_ours[ends[0]..ends[1]]);
        let theirs: Vec<&[u8]> = frames.filter(|frame| *frame != inserted.as_bytes()).collect();
        prop_assert!(theirs.concat() == stream.out);
    }
}
