//! [`FrameRules`]: how much a peer may send.

use std::time::Duration;

use tokio::time::Instant;

use crate::websocket::frame::{FrameHead, Opcode, Violation};

/// The period that frames are counted over.
const MINUTE: Duration = Duration::from_mins(1);

/// What the frames of one direction may be; `None` is no limit. RFC 6455 §5.5 limits the size of control frames, so
/// only their number has a rule here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FrameRules {
    /// The most payload of one frame, in bytes.
    pub max_frame: Option<u64>,
    /// The most payload of all frames of one message, in bytes as they pass (compressed or not).
    pub max_message: Option<u64>,
    /// The most messages begun in a minute. Minutes are counted one after the other, each from its first message.
    pub max_messages_per_minute: Option<u32>,
    /// The most frames in a minute that carry nothing of a message: pings, pongs that answer no ping of ours, empty
    /// continuations. Counted as messages are.
    pub max_control_per_minute: Option<u32>,
}

/// The rules about messages, and how much of them is used up.
#[derive(Debug)]
pub(super) struct MessageLimits {
    max_frame: Option<u64>,
    max_message: Option<u64>,
    messages: Option<PerMinute>,
    /// Payload bytes of the current message so far.
    message: u64,
}

/// How many of something there may be in a minute, and how many there were.
#[derive(Debug)]
pub(super) struct PerMinute {
    max: u32,
    /// When the minute began, and how many were counted in it.
    minute: Option<(Instant, u32)>,
}

impl MessageLimits {
    /// `None` if the rules allow every message.
    pub(super) fn new(rules: FrameRules) -> Option<Self> {
        let FrameRules { max_frame, max_message, max_messages_per_minute, max_control_per_minute: _ } = rules;
        let limited = max_frame.is_some() || max_message.is_some() || max_messages_per_minute.is_some();
        let messages = max_messages_per_minute.map(PerMinute::new);
        limited.then_some(Self { max_frame, max_message, messages, message: 0 })
    }

    /// Counts a frame, or refuses it.
    pub(super) fn admit(&mut self, head: &FrameHead, now: Instant) -> Result<(), Violation> {
        if head.opcode.is_control() {
            return Ok(());
        }
        if head.opcode != Opcode::Continuation {
            self.begin_message(now)?;
        }
        if self.max_frame.is_some_and(|max| head.len > max) {
            return Err(Violation::FrameTooBig);
        }
        self.message = self.message.saturating_add(head.len);
        if self.max_message.is_some_and(|max| self.message > max) {
            return Err(Violation::MessageTooBig);
        }
        Ok(())
    }

    fn begin_message(&mut self, now: Instant) -> Result<(), Violation> {
        self.message = 0;
        let fits = self.messages.as_mut().is_none_or(|messages| messages.admit(now));
        if fits { Ok(()) } else { Err(Violation::TooManyMessages) }
    }
}

impl PerMinute {
    /// A count of at most `max` a minute, which begins empty.
    pub(super) fn new(max: u32) -> Self {
        Self { max, minute: None }
    }

    /// Counts one more; false if that is one too many.
    pub(super) fn admit(&mut self, now: Instant) -> bool {
        let (began, count) = match self.minute {
            Some((began, count)) if now.saturating_duration_since(began) < MINUTE => (began, count),
            _ => (now, 0),
        };
        if count >= self.max {
            return false;
        }
        self.minute = Some((began, count + 1));
        true
    }
}

/// Whether a frame carries nothing of a message, and is not the Close, of which there is one.
pub(super) fn counts_as_control(head: &FrameHead) -> bool {
    match head.opcode {
        Opcode::Text | Opcode::Binary | Opcode::Close => false,
        Opcode::Continuation => head.len == 0,
        Opcode::Ping | Opcode::Pong => true,
    }
}
