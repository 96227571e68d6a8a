//! [`Direction`]: watches the bytes from one peer to the other, without changing one.

mod closing;
mod limits;
mod pongs;
mod prefix;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::time::Instant;

pub use self::closing::CloseSeen;
pub use self::limits::FrameRules;
pub use self::prefix::FramePrefix;
pub use crate::observe::metrics::DirectionCounts;

use self::closing::PassingClose;
use self::limits::{MessageLimits, PerMinute, counts_as_control};
use self::pongs::OwnPings;
use super::Side;
use super::frame::{FrameHead, Opcode, PING_LEN, PingPayload, Violation};
use crate::observe::metrics::{FrameKind, MessageKind};

/// The bytes from one peer to the other: where frames end, what is refused, what is kept back.
///
/// A header is passed on when it is whole and accepted, so a [`Violation`] always finds the other peer between two
/// frames, where a Close can be put. Until then its bytes are held back here, and so is a pong that may be the answer
/// to a ping of ours. Nothing else is ever held, and payloads are not looked at, except for the at most 125 bytes of a
/// Close.
#[derive(Debug)]
pub struct Direction {
    from: Side,
    /// Between the fragments of a message, where only a continuation or a control frame may follow.
    fragmented: bool,
    held: FramePrefix,
    state: DirectionState,
    /// The type of the message that passes, and its payload so far while it has several frames.
    kind: MessageKind,
    message: u32,
    counts: Option<Arc<DirectionCounts>>,
    limits: Option<Box<MessageLimits>>,
    control: Option<Box<PerMinute>>,
    pongs: Option<Box<OwnPings>>,
    counters: Counters,
}

/// How far [`Direction::accept`] may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptUntil {
    /// To the end of the chunk.
    Never,
    /// To the end of the frame that is being passed on; between frames, nowhere. A frame of frontgate's own fits in
    /// there.
    AtBoundary,
    /// To the peer's Close, which is left where it is.
    BeforeClose,
}

/// What to do with a chunk: write `prefix`, write `chunk[..pass]`, go on with `chunk[take..]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Bytes held back from earlier chunks; they go before this one.
    pub prefix: FramePrefix,
    /// How many bytes of the chunk are passed on as they are.
    pub pass: usize,
    /// How many bytes of the chunk are dealt with; the bytes after `pass` are held back or swallowed.
    pub take: usize,
    /// The payload of our own ping, if its pong was swallowed.
    pub pong: Option<PingPayload>,
    /// Whether the peer's Close comes next, and was left where it is.
    pub before_close: bool,
}

/// What has been passed on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that have begun, control frames included.
    pub frames: u64,
    /// Messages that have begun.
    pub messages: u64,
    /// Bytes, frame headers included.
    pub bytes: u64,
}

#[derive(Debug)]
enum DirectionState {
    /// Between two frames, with the beginning of a header in `held` or not.
    Boundary,
    /// In a frame; this many bytes of payload are still to come.
    Payload(u64),
    /// In a Close.
    Closing(Box<PassingClose>),
    /// After a Close: nothing may follow (RFC 6455 §5.5.1).
    Closed(Box<CloseSeen>),
    /// After a violation.
    Failed(Violation),
}

/// What the bytes at the beginning of a frame turn out to be.
enum FrameStart {
    /// Too few bytes to tell.
    Short,
    /// A frame to pass on.
    Frame(FrameHead),
    /// The answer to a ping of ours, in this many bytes.
    OwnPong(PingPayload, usize),
    /// The Close that [`AcceptUntil::BeforeClose`] stops at.
    Close,
}

impl Direction {
    /// Watches the bytes that come from `from`.
    pub fn new(from: Side, rules: FrameRules) -> Self {
        Self {
            from,
            fragmented: false,
            held: FramePrefix::default(),
            state: DirectionState::Boundary,
            kind: MessageKind::Text,
            message: 0,
            counts: None,
            limits: MessageLimits::new(rules).map(Box::new),
            control: rules.max_control_per_minute.map(PerMinute::new).map(Box::new),
            pongs: None,
            counters: Counters::default(),
        }
    }

    /// Counts every frame in `counts`.
    pub fn count_in(&mut self, counts: &Arc<DirectionCounts>) {
        self.counts = Some(Arc::clone(counts));
    }

    /// What every frame is counted in.
    pub(super) fn counts(&self) -> Option<&DirectionCounts> {
        self.counts.as_deref()
    }

    /// Looks at the next bytes, and decides what becomes of them.
    ///
    /// Some of a chunk that is not empty is always taken, unless [`AcceptUntil::AtBoundary`] finds the direction
    /// between frames, or [`AcceptUntil::BeforeClose`] finds a Close. Valid bytes before a violation are passed on first; the next call returns the error, and so does
    /// every one after it.
    pub fn accept(&mut self, chunk: &[u8], stop: AcceptUntil, now: Instant) -> Result<Accepted, Violation> {
        let mut accepted = Accepted::default();
        // Each round takes a byte at least, or is the last but one.
        for _ in 0..=chunk.len() {
            let rest = &chunk[accepted.take..];
            match &mut self.state {
                DirectionState::Failed(violation) if accepted.take == 0 => return Err(*violation),
                DirectionState::Failed(_) => break,
                _ if rest.is_empty() => break,
                DirectionState::Payload(left) => {
                    let len = usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                    *left -= len as u64;
                    if *left == 0 {
                        self.state = DirectionState::Boundary;
                    }
                    accepted.extend(len);
                }
                DirectionState::Closing(closing) => {
                    let len = closing.fill(rest);
                    if let Some(seen) = closing.seen() {
                        self.state = DirectionState::Closed(Box::new(seen));
                    }
                    accepted.extend(len);
                }
                DirectionState::Closed(_) => {
                    accepted.take = chunk.len();
                    break;
                }
                DirectionState::Boundary if stop == AcceptUntil::AtBoundary => break,
                DirectionState::Boundary => match self.begin(rest, stop, now) {
                    Ok(FrameStart::Short) => {
                        self.held.push(rest);
                        accepted.take = chunk.len();
                        break;
                    }
                    Ok(FrameStart::Frame(head)) => {
                        let held = std::mem::take(&mut self.held);
                        accepted.extend(self.pass_head(&head, held.len()));
                        if !held.is_empty() {
                            accepted.prefix = held;
                        }
                    }
                    Ok(FrameStart::OwnPong(payload, size)) => {
                        accepted.take += size - std::mem::take(&mut self.held).len();
                        accepted.pong = Some(payload);
                        break;
                    }
                    Ok(FrameStart::Close) => {
                        accepted.before_close = true;
                        break;
                    }
                    Err(violation) => self.state = DirectionState::Failed(violation),
                },
            }
        }
        self.counters.bytes += (accepted.prefix.len() + accepted.pass) as u64;
        Ok(accepted)
    }

    /// Whether what was passed on ends with a whole frame, so that a frame of ours may follow.
    pub fn at_boundary(&self) -> bool {
        !matches!(self.state, DirectionState::Payload(_) | DirectionState::Closing(_))
    }

    /// How many bytes of the frame that is passing are still to come.
    pub(super) fn left_in_frame(&self) -> u64 {
        match &self.state {
            DirectionState::Payload(left) => *left,
            DirectionState::Closing(closing) => closing.missing() as u64,
            DirectionState::Boundary | DirectionState::Closed(_) | DirectionState::Failed(_) => 0,
        }
    }

    /// Notes that a ping of ours with this payload went to the peer that this direction comes from: its pong is
    /// swallowed.
    pub fn expect_pong(&mut self, payload: PingPayload) {
        self.pongs.get_or_insert_default().expect(payload);
    }

    /// The peer's Close, when all of it has been passed on. Nothing passes after it.
    pub fn close(&self) -> Option<&CloseSeen> {
        match &self.state {
            DirectionState::Closed(seen) => Some(seen),
            _ => None,
        }
    }

    /// What has been passed on so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Reads the beginning of a frame: the held bytes, then `rest`.
    fn begin(&mut self, rest: &[u8], stop: AcceptUntil, now: Instant) -> Result<FrameStart, Violation> {
        let mut joined = self.held;
        let start = if joined.is_empty() {
            rest
        } else {
            joined.push(&rest[..rest.len().min(joined.room())]);
            joined.as_bytes()
        };
        let Some(head) = FrameHead::parse(start)? else { return Ok(FrameStart::Short) };
        self.check(&head)?;
        if head.opcode == Opcode::Close && stop == AcceptUntil::BeforeClose {
            return Ok(FrameStart::Close);
        }
        if let Some(pongs) = &mut self.pongs
            && head.opcode == Opcode::Pong
            && head.len == PING_LEN as u64
        {
            let Some(&payload) = start[head.size..].first_chunk() else { return Ok(FrameStart::Short) };
            if let Some(payload) = pongs.answered(payload, head.mask) {
                if pongs.is_empty() {
                    self.pongs = None;
                }
                return Ok(FrameStart::OwnPong(payload, head.size + PING_LEN));
            }
        }
        if let Some(limits) = &mut self.limits {
            limits.admit(&head, now)?;
        }
        if counts_as_control(&head)
            && let Some(control) = &mut self.control
            && !control.admit(now)
        {
            return Err(Violation::TooManyControl);
        }
        Ok(FrameStart::Frame(head))
    }

    /// The rules of masking (RFC 6455 §5.1), fragmentation (§5.4) and closing (§5.5.1).
    fn check(&self, head: &FrameHead) -> Result<(), Violation> {
        match (self.from, head.mask) {
            (Side::Client, None) => return Err(Violation::Unmasked),
            (Side::Gateway, Some(_)) => return Err(Violation::Masked),
            (Side::Client, Some(_)) | (Side::Gateway, None) => {}
        }
        match head.opcode {
            Opcode::Continuation if !self.fragmented => Err(Violation::UnexpectedContinuation),
            Opcode::Text | Opcode::Binary if self.fragmented => Err(Violation::UnfinishedMessage),
            Opcode::Close if head.len == 1 => Err(Violation::ShortClose),
            _ => Ok(()),
        }
    }

    /// Enters the frame, of which `held` bytes are passed on from before; returns how many go with them now.
    fn pass_head(&mut self, head: &FrameHead, held: usize) -> usize {
        self.counters.frames += 1;
        if matches!(head.opcode, Opcode::Text | Opcode::Binary) {
            self.counters.messages += 1;
        }
        self.count(head);
        if !head.opcode.is_control() {
            self.fragmented = !head.fin;
        }
        // A pong that was held for comparison has some of its payload among the held bytes.
        let gone = held.max(head.size);
        let left = head.len - (gone - head.size) as u64;
        self.state = match head.opcode {
            Opcode::Close => DirectionState::closing(PassingClose::new(head)),
            _ if left == 0 => DirectionState::Boundary,
            _ => DirectionState::Payload(left),
        };
        gone - held
    }

    fn count(&mut self, head: &FrameHead) {
        let Some(counts) = &self.counts else { return };
        let kind = match head.opcode {
            Opcode::Text => MessageKind::Text,
            Opcode::Binary => MessageKind::Binary,
            Opcode::Continuation => {
                self.message = self.message.saturating_add(small(head.len));
                let message = head.fin.then(|| self.message.into());
                return counts.fragment(FrameKind::Continuation, self.kind, head.len, message);
            }
            Opcode::Close => return counts.control(FrameKind::Close, head.len),
            Opcode::Ping => return counts.control(FrameKind::Ping, head.len),
            Opcode::Pong => return counts.control(FrameKind::Pong, head.len),
        };
        if head.fin {
            return counts.message(kind, head.len);
        }
        (self.kind, self.message) = (kind, small(head.len));
        let frame = if kind == MessageKind::Text { FrameKind::Text } else { FrameKind::Binary };
        counts.fragment(frame, kind, head.len, None);
    }
}

/// A length for a bucket: beyond 4 GiB they are all the same.
fn small(len: u64) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

impl DirectionState {
    fn closing(closing: PassingClose) -> Self {
        match closing.seen() {
            Some(seen) => Self::Closed(Box::new(seen)),
            None => Self::Closing(Box::new(closing)),
        }
    }
}

impl Accepted {
    /// Passes on the next `len` bytes.
    fn extend(&mut self, len: usize) {
        self.take += len;
        self.pass = self.take;
    }
}
