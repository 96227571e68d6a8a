//! [`Rules`]: how much a peer may send.

use std::time::Duration;

use tokio::time::Instant;

use crate::websocket::frame::{FrameHead, Opcode, Violation};

/// How long messages are counted for.
const MINUTE: Duration = Duration::from_mins(1);

/// What the frames of one direction may be; `None` is no limit. Control frames, which RFC 6455 §5.5 limits, do not
/// count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// The most payload of one frame, in bytes.
    pub max_frame: Option<u64>,
    /// The most payload of all frames of one message, in bytes as they pass (compressed or not).
    pub max_message: Option<u64>,
    /// The most messages begun in a minute. Minutes are counted one after the other, each from its first message.
    pub max_messages_per_minute: Option<u32>,
}

/// The rules, and how much of them is used up.
#[derive(Debug)]
pub(super) struct Limits {
    rules: Rules,
    /// Payload of the message so far.
    message: u64,
    /// When the minute began, and the messages in it.
    minute: Option<(Instant, u32)>,
}

impl Limits {
    /// `None` if the rules allow everything.
    pub(super) fn new(rules: Rules) -> Option<Self> {
        (rules != Rules::default()).then_some(Self { rules, message: 0, minute: None })
    }

    /// Counts a frame, or refuses it.
    pub(super) fn admit(&mut self, head: &FrameHead, now: Instant) -> Result<(), Violation> {
        if head.opcode.is_control() {
            return Ok(());
        }
        if head.opcode != Opcode::Continuation {
            self.begin_message(now)?;
        }
        if self.rules.max_frame.is_some_and(|max| head.len > max) {
            return Err(Violation::FrameTooBig);
        }
        self.message = self.message.saturating_add(head.len);
        if self.rules.max_message.is_some_and(|max| self.message > max) {
            return Err(Violation::MessageTooBig);
        }
        Ok(())
    }

    fn begin_message(&mut self, now: Instant) -> Result<(), Violation> {
        self.message = 0;
        let Some(max) = self.rules.max_messages_per_minute else { return Ok(()) };
        let (began, count) = match self.minute {
            Some((began, count)) if now.saturating_duration_since(began) < MINUTE => (began, count),
            _ => (now, 0),
        };
        if count >= max {
            return Err(Violation::TooManyMessages);
        }
        self.minute = Some((began, count + 1));
        Ok(())
    }
}
