//! [`TappedDirection`]: the frames of one direction, as a tap sees them pass.

use std::time::SystemTime;

use super::{LONGEST_MESSAGE, Tap, TapEvent, TapWriter, TappedHead};
use crate::websocket::Side;
use crate::websocket::direction::FramePrefix;
use crate::websocket::frame::FrameHead;

/// The frames that pass from one side. It reads what has been accepted, and changes nothing.
#[derive(Debug)]
pub(in crate::websocket) struct TappedDirection {
    from: Side,
    writer: TapWriter,
    /// The beginning of a head.
    held: FramePrefix,
    /// How much of the payload of the frame that passes is still to come.
    left: u64,
    /// Whether that payload is copied.
    copies: bool,
    /// How many frames the reader has not heard of.
    dropped: u64,
}

impl TappedDirection {
    /// Begins in a frame of which so many bytes are still to come. They are not shown.
    pub(in crate::websocket) fn new(from: Side, writer: TapWriter, left: u64) -> Self {
        Self { from, writer, held: FramePrefix::default(), left, copies: false, dropped: 0 }
    }

    /// Whether the reader has gone.
    pub(in crate::websocket) fn is_unread(&self) -> bool {
        self.writer.is_unread()
    }

    /// Looks at bytes that pass.
    pub(in crate::websocket) fn pass(&mut self, mut bytes: &[u8], at: SystemTime) {
        // Each round takes a byte at least.
        while !bytes.is_empty() {
            if self.left > 0 {
                let len = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
                let (payload, rest) = bytes.split_at(len);
                self.payload(payload);
                self.left -= len as u64;
                bytes = rest;
                continue;
            }
            let held = self.held.len();
            let mut joined = self.held;
            joined.push(&bytes[..bytes.len().min(joined.room())]);
            match FrameHead::parse(joined.as_bytes()) {
                // At most 13 bytes: of 14 a head is made.
                Ok(None) => {
                    self.held = joined;
                    return;
                }
                Ok(Some(head)) => {
                    let rsv = (joined.as_bytes()[0] >> 4) & 0x07;
                    self.held = FramePrefix::default();
                    self.head(&head, rsv, at);
                    bytes = &bytes[head.size - held..];
                }
                // Unreachable: what is looked at has been accepted.
                Err(_) => return,
            }
        }
    }

    /// Tells the reader that the WebSocket has ended.
    pub(in crate::websocket) fn end(&self, ended: &'static str) {
        self.writer.push_last(TapEvent::Ended(ended));
    }

    /// Tells the reader what it has not heard of yet.
    pub(in crate::websocket) fn finish(&mut self) {
        if self.dropped > 0 {
            self.writer.push_last(TapEvent::FramesDropped(self.from, std::mem::take(&mut self.dropped)));
        }
    }

    fn head(&mut self, head: &FrameHead, rsv: u8, at: SystemTime) {
        let FrameHead { fin, opcode, mask, len, .. } = *head;
        self.left = len;
        if self.dropped > 0 && self.writer.push(TapEvent::FramesDropped(self.from, self.dropped)) {
            self.dropped = 0;
        }
        let head = TappedHead { at, from: self.from, opcode, fin, rsv, len, mask };
        let heard = self.dropped == 0 && self.writer.push(TapEvent::Head(head));
        self.dropped += u64::from(!heard);
        self.copies = heard && self.writer.tap == Tap::Payloads && len <= LONGEST_MESSAGE as u64;
    }

    fn payload(&mut self, payload: &[u8]) {
        if self.copies && !self.writer.push(TapEvent::Payload(self.from, payload.into())) {
            self.copies = false;
            self.writer.push_last(TapEvent::PayloadDropped(self.from));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MOST_WAITING, TapReader, tap};
    use super::*;
    use crate::websocket::frame::Opcode;

    fn events(reader: &mut TapReader) -> Vec<TapEvent> {
        let mut events = Vec::new();
        while let Ok((size, event)) = reader.events.try_recv() {
            reader.waiting.fetch_sub(size, std::sync::atomic::Ordering::Relaxed);
            events.push(event);
        }
        events
    }

    fn head(opcode: Opcode, fin: bool, rsv: u8, len: u64, mask: Option<[u8; 4]>) -> TapEvent {
        TapEvent::Head(TappedHead { at: SystemTime::UNIX_EPOCH, from: Side::Client, opcode, fin, rsv, len, mask })
    }

    fn payload(bytes: &[u8]) -> TapEvent {
        TapEvent::Payload(Side::Client, bytes.into())
    }

    #[test]
    fn frames_are_seen_however_their_bytes_come() {
        let bytes = b"\x41\x83\0\0\0\x01abc\x89\0\x80\x7e\x01\0".iter().copied().chain([7; 256]).chain(*b"\x8a\0");
        let bytes: Vec<u8> = bytes.collect();
        for size in [1, 2, 3, 5, 9, 300] {
            let (writer, mut reader) = tap(Tap::Payloads);
            let mut tapped = TappedDirection::new(Side::Client, writer, 0);
            bytes.chunks(size).for_each(|piece| tapped.pass(piece, SystemTime::UNIX_EPOCH));
            let mut seen: Vec<TapEvent> = Vec::new();
            for event in events(&mut reader) {
                match (seen.last_mut(), event) {
                    (Some(TapEvent::Payload(_, before)), TapEvent::Payload(_, more)) => {
                        *before = [&before[..], &more[..]].concat().into();
                    }
                    (_, event) => seen.push(event),
                }
            }
            let expected = [
                head(Opcode::Text, false, 4, 3, Some([0, 0, 0, 1])),
                payload(b"abc"),
                head(Opcode::Ping, true, 0, 0, None),
                head(Opcode::Continuation, true, 0, 256, None),
                payload(&[7; 256]),
                head(Opcode::Pong, true, 0, 0, None),
            ];
            assert_eq!(seen, expected, "by {size}");
        }
    }

    #[test]
    fn a_tap_begins_with_the_next_frame_and_shows_payloads_only_when_asked() {
        let (writer, mut reader) = tap(Tap::Heads);
        let mut tapped = TappedDirection::new(Side::Client, writer, 4);
        tapped.pass(b"abcd\x81\x03xyz", SystemTime::UNIX_EPOCH);
        assert_eq!(events(&mut reader), [head(Opcode::Text, true, 0, 3, None)]);
        drop(reader);
        assert!(tapped.is_unread());
    }

    #[test]
    fn what_does_not_fit_is_counted_and_room_that_is_made_is_used() {
        let (writer, mut reader) = tap(Tap::Payloads);
        let mut tapped = TappedDirection::new(Side::Client, writer, 0);
        let frame: Vec<u8> =
            b"\x82\x7f\0\0\0\0\0\x01\0\0".iter().copied().chain(std::iter::repeat_n(7, 65_536)).collect();
        for _ in 0..20 {
            frame.chunks(16_384).for_each(|piece| tapped.pass(piece, SystemTime::UNIX_EPOCH));
        }
        assert!(reader.waiting.load(std::sync::atomic::Ordering::Relaxed) <= MOST_WAITING);
        let seen = events(&mut reader);
        let heads = seen.iter().filter(|event| matches!(event, TapEvent::Head(_))).count();
        assert_eq!(seen.iter().filter(|event| matches!(event, TapEvent::PayloadDropped(_))).count(), heads - 5);
        let size: usize =
            seen.iter().map(|event| if let TapEvent::Payload(_, one) = event { one.len() } else { 0 }).sum();
        assert!(size <= MOST_WAITING && size > MOST_WAITING - 2 * 65_536, "{size}");
        let ping = head(Opcode::Ping, true, 0, 0, None);
        (0..3000).for_each(|_| tapped.pass(b"\x89\0", SystemTime::UNIX_EPOCH));
        let heard = events(&mut reader).len() as u64;
        assert!((1000..3000).contains(&heard), "{heard}");
        tapped.pass(b"\x89\0", SystemTime::UNIX_EPOCH);
        assert_eq!(events(&mut reader), [TapEvent::FramesDropped(Side::Client, 3000 - heard), ping]);
    }

    #[test]
    fn a_frame_that_is_too_long_to_show_is_not_copied() {
        let (writer, mut reader) = tap(Tap::Payloads);
        let mut tapped = TappedDirection::new(Side::Client, writer, 0);
        tapped.pass(b"\x82\x7f\0\0\0\0\0\x10\0\0abc", SystemTime::UNIX_EPOCH);
        assert_eq!(events(&mut reader), [head(Opcode::Binary, true, 0, 1 << 20, None)]);
        tapped.end("client_lost");
        assert_eq!(events(&mut reader), [TapEvent::Ended("client_lost")]);
    }
}
