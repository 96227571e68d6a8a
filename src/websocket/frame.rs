//! [`FrameHead`]: what the first bytes of a frame say (RFC 6455 §5.2), and [`OwnFrame`]: the frames frontgate itself writes.

use std::borrow::Cow;

/// The longest header: two bytes, eight of length, four of mask.
pub const MAX_HEADER: usize = 14;

/// The longest payload of a control frame (RFC 6455 §5.5).
pub const MAX_CONTROL: usize = 125;

/// How many bytes a ping of ours carries.
pub const PING_LEN: usize = 8;

/// What a ping of ours carries. It must be hard to guess, so that no peer's own ping looks like it.
pub type PingPayload = [u8; PING_LEN];

/// What a frame is (RFC 6455 §5.2, §11.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// More of the message that a text or binary frame began.
    Continuation,
    /// The first or only frame of a text message.
    Text,
    /// The first or only frame of a binary message.
    Binary,
    /// The last frame of its direction.
    Close,
    /// A question that a [`Opcode::Pong`] answers.
    Ping,
    /// The answer to a ping, or a sign of life that nobody asked for.
    Pong,
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHead {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// What the frame is.
    pub opcode: Opcode,
    /// The three reserved bits, RSV1 the highest. They belong to extensions, which are between the two ends.
    pub rsv: u8,
    /// The key that masks the payload, if it is masked.
    pub mask: Option<[u8; 4]>,
    /// Bytes of payload.
    pub len: u64,
    /// Bytes of header.
    pub size: usize,
}

/// Why a peer's bytes go no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// An opcode without a meaning (RFC 6455 §5.2).
    #[error("reserved opcode")]
    ReservedOpcode,
    /// A control frame that is not whole (RFC 6455 §5.5).
    #[error("fragmented control frame")]
    FragmentedControl,
    /// A control frame of more than 125 bytes (RFC 6455 §5.5).
    #[error("control frame over 125 bytes")]
    LongControl,
    /// A length in more bytes than it needs (RFC 6455 §5.2).
    #[error("length not in its shortest form")]
    NonMinimalLength,
    /// A 64-bit length with its highest bit set (RFC 6455 §5.2).
    #[error("length over 63 bits")]
    LengthOverflow,
    /// A client's frame without a mask (RFC 6455 §5.1).
    #[error("unmasked frame from a client")]
    Unmasked,
    /// A gateway's frame with a mask (RFC 6455 §5.1).
    #[error("masked frame from a gateway")]
    Masked,
    /// A continuation of nothing (RFC 6455 §5.4).
    #[error("continuation without a message")]
    UnexpectedContinuation,
    /// A message that begins inside another (RFC 6455 §5.4).
    #[error("message inside a fragmented message")]
    UnfinishedMessage,
    /// A Close with half a code (RFC 6455 §5.5.1).
    #[error("close frame of one byte")]
    ShortClose,
    /// More than `websocket.max_frame`.
    #[error("frame over the limit")]
    FrameTooBig,
    /// More than `websocket.max_message`.
    #[error("message over the limit")]
    MessageTooBig,
    /// More than `websocket.max_messages_per_minute`.
    #[error("too many messages")]
    TooManyMessages,
}

impl FrameHead {
    /// Reads the header at the beginning of `bytes`; `None` if more bytes are needed.
    ///
    /// An error is returned as soon as the bytes tell it. All reserved bits pass.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, Violation> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let opcode = Opcode::from_bits(first & 0x0F).ok_or(Violation::ReservedOpcode)?;
        let fin = first & 0x80 != 0;
        if opcode.is_control() && !fin {
            return Err(Violation::FragmentedControl);
        }

        let Some(&second) = bytes.get(1) else { return Ok(None) };
        let short = second & 0x7F;
        if opcode.is_control() && usize::from(short) > MAX_CONTROL {
            return Err(Violation::LongControl);
        }
        let (len, mask_at) = match short {
            126 => (length_16(&bytes[2..])?, 4),
            127 => (length_64(&bytes[2..])?, 10),
            short => (Some(u64::from(short)), 2),
        };
        let Some(len) = len else { return Ok(None) };

        let (mask, size) = if second & 0x80 == 0 {
            (None, mask_at)
        } else {
            let Some(mask) = bytes[mask_at..].first_chunk() else { return Ok(None) };
            (Some(*mask), mask_at + mask.len())
        };
        Ok(Some(Self { fin, opcode, rsv: first >> 4 & 0b111, mask, len, size }))
    }
}

impl Opcode {
    /// Whether frames of this kind may stand between the fragments of a message.
    pub fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }
}

/// The two-byte length; anything that fits seven bits should have used them.
fn length_16(bytes: &[u8]) -> Result<Option<u64>, Violation> {
    let Some(&length) = bytes.first_chunk() else { return Ok(None) };
    match u16::from_be_bytes(length) {
        0..126 => Err(Violation::NonMinimalLength),
        length => Ok(Some(length.into())),
    }
}

/// The eight-byte length; anything that fits two bytes should have used them.
fn length_64(bytes: &[u8]) -> Result<Option<u64>, Violation> {
    if bytes.first().is_some_and(|&first| first & 0x80 != 0) {
        return Err(Violation::LengthOverflow);
    }
    if bytes.first_chunk() == Some(&[0; 6]) {
        return Err(Violation::NonMinimalLength);
    }
    Ok(bytes.first_chunk().map(|&length| u64::from_be_bytes(length)))
}

/// A whole control frame that frontgate writes itself, between two frames that pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFrame(Box<[u8]>);

impl OwnFrame {
    /// A ping. Towards the gateway frontgate is the client: those frames need a `mask` of fresh randomness (RFC 6455 §5.3);
    /// those towards the client must have none.
    pub fn ping(payload: &PingPayload, mask: Option<[u8; 4]>) -> Self {
        Self::control(Opcode::Ping, payload, mask)
    }

    /// A Close with a code and a reason, which is cut to the 123 bytes there is room for. For `mask` see [`OwnFrame::ping`].
    pub fn close(code: u16, reason: &str, mask: Option<[u8; 4]>) -> Self {
        let fits = reason.floor_char_boundary(MAX_CONTROL - 2);
        let payload = [&code.to_be_bytes(), &reason.as_bytes()[..fits]].concat();
        Self::control(Opcode::Close, &payload, mask)
    }

    /// The bytes to write.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn control(opcode: Opcode, payload: &[u8], mask: Option<[u8; 4]>) -> Self {
        let len = u8::try_from(payload.len()).expect("a ping has 8 bytes and a Close at most 125");
        let mut bytes = Vec::with_capacity(2 + 4 + payload.len());
        bytes.push(0x80 | opcode.bits());
        match mask {
            None => {
                bytes.push(len);
                bytes.extend_from_slice(payload);
            }
            Some(mask) => {
                bytes.push(0x80 | len);
                bytes.extend_from_slice(&mask);
                bytes.extend(unmasked(payload, Some(mask)).iter());
            }
        }
        Self(bytes.into_boxed_slice())
    }
}

/// A payload without its mask, or with it: the operation is its own inverse (RFC 6455 §5.3).
pub(super) fn unmasked(payload: &[u8], mask: Option<[u8; 4]>) -> Cow<'_, [u8]> {
    match mask {
        None => Cow::Borrowed(payload),
        Some(mask) => payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect(),
    }
}
