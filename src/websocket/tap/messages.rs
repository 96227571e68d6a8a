//! [`TapMessages`]: puts together what a tap saw.

use super::{LONGEST_MESSAGE, Tap, TapEvent, TappedHead};
use crate::websocket::Side;
use crate::websocket::frame::{Opcode, unmasked};

/// Puts the events of a tap together: frames with their payloads, each message's with its last frame.
#[derive(Debug)]
pub(crate) struct TapMessages {
    tap: Tap,
    client: TappedSide,
    gateway: TappedSide,
}

/// What an operator gets to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TapItem {
    Frame(TappedHead, TappedPayload),
    /// So many frames from this side are not shown.
    Dropped(Side, u64),
    /// The WebSocket has ended.
    Ended(&'static str),
}

/// The payload of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TappedPayload {
    /// The whole payload of the message that ends with this frame, or of a control frame, without its mask.
    Whole {
        /// The opcode of the message's first frame.
        opcode: Opcode,
        /// The reserved bits of the message's first frame.
        rsv: u8,
        bytes: Vec<u8>,
    },
    NotShown(NotShown),
}

/// Why a payload is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotShown {
    /// Payloads were not asked for. The opcode is that of the message's first frame, if the tap saw it.
    NotAsked(Option<Opcode>),
    /// It is shown with the last frame of its message.
    WithLast,
    /// The message is longer than what is shown.
    TooLong,
    /// It came faster than it was read.
    Dropped,
    /// The message began before the tap, or its beginning was dropped.
    Begun,
}

/// One side of a [`TapMessages`].
#[derive(Debug, Default)]
struct TappedSide {
    /// A frame of which the payload is still to come, and what came of it.
    frame: Option<(TappedHead, Vec<u8>)>,
    /// The message that the next continuation belongs to.
    message: Option<PartialMessage>,
}

#[derive(Debug)]
struct PartialMessage {
    opcode: Opcode,
    rsv: u8,
    bytes: Result<Vec<u8>, NotShown>,
}

impl TapMessages {
    /// Nothing has come yet of such a tap.
    pub(crate) fn new(tap: Tap) -> Self {
        Self { tap, client: TappedSide::default(), gateway: TappedSide::default() }
    }

    /// What there is to see after one more event.
    pub(crate) fn add(&mut self, event: TapEvent) -> Option<TapItem> {
        match event {
            TapEvent::Head(head) => {
                let shows = self.tap == Tap::Payloads;
                let side = self.side(head.from);
                if !shows {
                    return Some(side.head_alone(head));
                }
                match head.len {
                    0 => Some(side.complete(head, Ok(Vec::new()))),
                    len if len > LONGEST_MESSAGE as u64 => Some(side.complete(head, Err(NotShown::TooLong))),
                    _ => {
                        side.frame = Some((head, Vec::new()));
                        None
                    }
                }
            }
            TapEvent::Payload(from, payload) => {
                let side = self.side(from);
                let (head, mut bytes) = side.frame.take()?;
                bytes.extend_from_slice(&payload);
                if (bytes.len() as u64) < head.len {
                    side.frame = Some((head, bytes));
                    return None;
                }
                let bytes = unmasked(&bytes, head.mask).into_owned();
                Some(side.complete(head, Ok(bytes)))
            }
            TapEvent::PayloadDropped(from) => {
                let side = self.side(from);
                let (head, _) = side.frame.take()?;
                Some(side.complete(head, Err(NotShown::Dropped)))
            }
            TapEvent::FramesDropped(from, frames) => {
                self.side(from).message = None;
                Some(TapItem::Dropped(from, frames))
            }
            TapEvent::Ended(ended) => Some(TapItem::Ended(ended)),
        }
    }

    fn side(&mut self, side: Side) -> &mut TappedSide {
        match side {
            Side::Client => &mut self.client,
            Side::Gateway => &mut self.gateway,
        }
    }
}

impl TappedSide {
    fn head_alone(&mut self, head: TappedHead) -> TapItem {
        let opcode = match head.opcode {
            Opcode::Continuation => self.message.as_ref().map(|message| message.opcode),
            opcode => Some(opcode),
        };
        if !head.opcode.is_control() {
            let message = |opcode| PartialMessage { opcode, rsv: 0, bytes: Ok(Vec::new()) };
            self.message = opcode.filter(|_| !head.fin).map(message);
        }
        TapItem::Frame(head, TappedPayload::NotShown(NotShown::NotAsked(opcode)))
    }

    fn complete(&mut self, head: TappedHead, payload: Result<Vec<u8>, NotShown>) -> TapItem {
        let mut message = match head.opcode {
            Opcode::Continuation => match self.message.take() {
                None => return TapItem::Frame(head, TappedPayload::NotShown(NotShown::Begun)),
                Some(mut message) => {
                    message.extend(payload);
                    message
                }
            },
            opcode => PartialMessage { opcode, rsv: head.rsv, bytes: payload },
        };
        let payload = match &mut message.bytes {
            Err(why) => TappedPayload::NotShown(*why),
            Ok(_) if !head.fin => TappedPayload::NotShown(NotShown::WithLast),
            Ok(bytes) => {
                TappedPayload::Whole { opcode: message.opcode, rsv: message.rsv, bytes: std::mem::take(bytes) }
            }
        };
        if !head.fin {
            self.message = Some(message);
        }
        TapItem::Frame(head, payload)
    }
}

impl PartialMessage {
    fn extend(&mut self, more: Result<Vec<u8>, NotShown>) {
        let Ok(bytes) = &mut self.bytes else { return };
        match more {
            Err(why) => self.bytes = Err(why),
            Ok(more) if bytes.len() + more.len() > LONGEST_MESSAGE => self.bytes = Err(NotShown::TooLong),
            Ok(more) => bytes.extend(more),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn head(opcode: Opcode, fin: bool, len: u64) -> TappedHead {
        let at = SystemTime::UNIX_EPOCH;
        TappedHead { at, from: Side::Client, opcode, fin, rsv: 0, len, mask: Some([0, 0, 0, 0x20]) }
    }

    fn items(tap: Tap, events: impl IntoIterator<Item = TapEvent>) -> Vec<TapItem> {
        let mut messages = TapMessages::new(tap);
        events.into_iter().filter_map(|event| messages.add(event)).collect()
    }

    fn payload(bytes: &[u8]) -> TapEvent {
        TapEvent::Payload(Side::Client, bytes.into())
    }

    fn not_shown(head: TappedHead, why: NotShown) -> TapItem {
        TapItem::Frame(head, TappedPayload::NotShown(why))
    }

    fn whole(head: TappedHead, opcode: Opcode, bytes: &[u8]) -> TapItem {
        TapItem::Frame(head, TappedPayload::Whole { opcode, rsv: 0, bytes: bytes.to_vec() })
    }

    #[test]
    fn a_fragmented_message_is_shown_with_its_last_frame_and_a_ping_between_by_itself() {
        let first = head(Opcode::Text, false, 5);
        let ping = head(Opcode::Ping, true, 0);
        let last = head(Opcode::Continuation, true, 1);
        let events = [
            TapEvent::Head(first.clone()),
            payload(b"abc"),
            payload(b"De"),
            TapEvent::Head(ping.clone()),
            TapEvent::Head(last.clone()),
            payload(b"x"),
        ];
        let expected = [
            not_shown(first.clone(), NotShown::WithLast),
            whole(ping.clone(), Opcode::Ping, b""),
            whole(last.clone(), Opcode::Text, b"abcdex"),
        ];
        assert_eq!(items(Tap::Payloads, events), expected);
        let events = [first.clone(), ping.clone(), last.clone(), last.clone()].map(TapEvent::Head);
        let expected = [
            not_shown(first, NotShown::NotAsked(Some(Opcode::Text))),
            not_shown(ping, NotShown::NotAsked(Some(Opcode::Ping))),
            not_shown(last.clone(), NotShown::NotAsked(Some(Opcode::Text))),
            not_shown(last, NotShown::NotAsked(None)),
        ];
        assert_eq!(items(Tap::Heads, events), expected);
    }

    #[test]
    fn no_part_of_a_message_is_shown_of_which_a_part_is_missing() {
        let (first, more, last) =
            (head(Opcode::Text, false, 2), head(Opcode::Continuation, false, 2), head(Opcode::Continuation, true, 2));
        let rows: [(Vec<TapEvent>, NotShown); 4] = [
            (vec![], NotShown::Begun),
            (
                vec![
                    TapEvent::Head(first.clone()),
                    payload(b"ab"),
                    TapEvent::Head(more.clone()),
                    TapEvent::PayloadDropped(Side::Client),
                ],
                NotShown::Dropped,
            ),
            (
                vec![TapEvent::Head(first.clone()), payload(b"ab"), TapEvent::FramesDropped(Side::Client, 1)],
                NotShown::Begun,
            ),
            (
                vec![
                    TapEvent::Head(first),
                    payload(b"ab"),
                    TapEvent::Head(head(Opcode::Continuation, false, LONGEST_MESSAGE as u64)),
                    payload(&vec![b'x'; LONGEST_MESSAGE]),
                ],
                NotShown::TooLong,
            ),
        ];
        for (events, why) in rows {
            let seen = items(Tap::Payloads, events.into_iter().chain([TapEvent::Head(last.clone()), payload(b"yz")]));
            assert_eq!(seen.last(), Some(&not_shown(last.clone(), why)), "{seen:?}");
        }
        let long = head(Opcode::Binary, true, 1 << 40);
        assert_eq!(items(Tap::Payloads, [TapEvent::Head(long.clone())]), [not_shown(long, NotShown::TooLong)]);
    }
}
