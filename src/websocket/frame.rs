//! [`FrameHead`]: what the first bytes of a frame say (RFC 6455 §5.2), and [`OwnFrame`]: the frames frontgate itself
//! writes.

use std::borrow::Cow;

/// The longest header: two bytes, eight of length, four of mask.
pub const MAX_HEADER: usize = 14;

/// The longest payload of a control frame (RFC 6455 §5.5).
pub const MAX_CONTROL: usize = 125;

/// How many bytes a ping of ours carries.
pub const PING_LEN: usize = 8;

/// Opcodes of the frames that frontgate writes itself (RFC 6455 §11.8).
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
/// The bit that says that a frame is the last of its message.
const FIN: u8 = 0x80;

/// What a ping of ours carries. It must be hard to guess, so that no peer's own ping looks like it.
pub type PingPayload = [u8; PING_LEN];

/// The kind of a frame (RFC 6455 §5.2, §11.8).
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
    /// The answer to a ping, or a sign of life without one (RFC 6455 §5.5.3).
    Pong,
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHead {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// The kind of the frame.
    pub opcode: Opcode,
    /// The key that masks the payload, if it is masked.
    pub mask: Option<[u8; 4]>,
    /// The length of the payload, in bytes.
    pub len: u64,
    /// The length of the header, in bytes.
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
    /// A continuation without a message that it could continue (RFC 6455 §5.4).
    #[error("continuation without a message")]
    UnexpectedContinuation,
    /// A message that begins inside another (RFC 6455 §5.4).
    #[error("message inside a fragmented message")]
    UnfinishedMessage,
    /// A Close whose payload is half a code (RFC 6455 §5.5.1).
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
    /// More than `websocket.max_control_per_minute`.
    #[error("too many frames that carry nothing of a message")]
    TooManyControl,
}

impl FrameHead {
    /// Reads the header at the beginning of `bytes`; `None` if more bytes are needed.
    ///
    /// An error is returned as soon as the bytes tell it. All reserved bits pass.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, Violation> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let opcode = Opcode::from_bits(first & 0x0F).ok_or(Violation::ReservedOpcode)?;
        let fin = first & FIN != 0;
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
        Ok(Some(Self { fin, opcode, mask, len, size }))
    }
}

impl Opcode {
    /// Whether frames of this kind may stand between the fragments of a message.
    pub fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    /// The opcode's name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Continuation => "continuation",
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Close => "close",
            Self::Ping => "ping",
            Self::Pong => "pong",
        }
    }

    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            CLOSE => Self::Close,
            PING => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
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
    /// A ping. Towards the gateway frontgate is the client: frames in that direction need a `mask` of fresh randomness
    /// (RFC 6455 §5.3); frames towards the client must have none.
    pub fn ping(payload: &PingPayload, mask: Option<[u8; 4]>) -> Self {
        Self::control(PING, payload, mask)
    }

    /// A Close with a code and a reason, which is cut to the 123 bytes there is room for. For `mask` see
    /// [`OwnFrame::ping`].
    pub fn close(code: u16, reason: &str, mask: Option<[u8; 4]>) -> Self {
        let fits = reason.floor_char_boundary(MAX_CONTROL - 2);
        let payload = [&code.to_be_bytes(), &reason.as_bytes()[..fits]].concat();
        Self::control(CLOSE, &payload, mask)
    }

    /// The bytes to write.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// `opcode` is [`PING`] or [`CLOSE`].
    fn control(opcode: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Self {
        let len = u8::try_from(payload.len()).expect("a ping has 8 bytes and a Close at most 125");
        let mut bytes = Vec::with_capacity(2 + 4 + payload.len());
        bytes.push(FIN | opcode);
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

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

    fn head(fin: bool, opcode: Opcode, mask: Option<[u8; 4]>, len: u64, size: usize) -> FrameHead {
        FrameHead { fin, opcode, mask, len, size }
    }

    #[test]
    fn every_header_form_of_section_5_2_is_read() {
        use Opcode::{Binary, Close, Continuation, Ping, Pong, Text};
        let rows: &[(&[u8], FrameHead)] = &[
            // Opcodes, whole and fragmented.
            (&[0x80, 0], head(true, Continuation, None, 0, 2)),
            (&[0x00, 0], head(false, Continuation, None, 0, 2)),
            (&[0x81, 0], head(true, Text, None, 0, 2)),
            (&[0x01, 0], head(false, Text, None, 0, 2)),
            (&[0x82, 0], head(true, Binary, None, 0, 2)),
            (&[0x02, 0], head(false, Binary, None, 0, 2)),
            (&[0x88, 0], head(true, Close, None, 0, 2)),
            (&[0x89, 0], head(true, Ping, None, 0, 2)),
            (&[0x8A, 0], head(true, Pong, None, 0, 2)),
            // Reserved bits, which extensions own.
            (&[0xC1, 0], head(true, Text, None, 0, 2)),
            (&[0xA1, 0], head(true, Text, None, 0, 2)),
            (&[0x91, 0], head(true, Text, None, 0, 2)),
            (&[0xF1, 0], head(true, Text, None, 0, 2)),
            (&[0x40, 0], head(false, Continuation, None, 0, 2)),
            (&[0xC9, 0], head(true, Ping, None, 0, 2)),
            // Seven bits of length.
            (&[0x82, 1], head(true, Binary, None, 1, 2)),
            (&[0x82, 125], head(true, Binary, None, 125, 2)),
            (&[0x89, 125], head(true, Ping, None, 125, 2)),
            (&[0x82, 0x80, 0x37, 0xFA, 0x21, 0x3D], head(true, Binary, Some(KEY), 0, 6)),
            (&[0x82, 0xFD, 0x37, 0xFA, 0x21, 0x3D], head(true, Binary, Some(KEY), 125, 6)),
            (&[0x8A, 0xFD, 0x37, 0xFA, 0x21, 0x3D], head(true, Pong, Some(KEY), 125, 6)),
            // Sixteen bits.
            (&[0x82, 126, 0, 126], head(true, Binary, None, 126, 4)),
            (&[0x82, 126, 1, 0], head(true, Binary, None, 256, 4)),
            (&[0x82, 126, 0xFF, 0xFF], head(true, Binary, None, 65_535, 4)),
            (&[0x82, 0xFE, 0, 126, 0x37, 0xFA, 0x21, 0x3D], head(true, Binary, Some(KEY), 126, 8)),
            // Sixty-four bits.
            (&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], head(true, Binary, None, 65_536, 10)),
            (&[0x82, 127, 0, 0, 0, 0, 1, 0x90, 0, 0], head(true, Binary, None, 26_214_400, 10)),
            (
                &[0x82, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
                head(true, Binary, None, i64::MAX as u64, 10),
            ),
            (
                &[0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 0x37, 0xFA, 0x21, 0x3D],
                head(true, Binary, Some(KEY), 65_536, MAX_HEADER),
            ),
        ];
        for (bytes, expected) in rows {
            assert_eq!(FrameHead::parse(bytes), Ok(Some(*expected)), "{bytes:02x?}");
            assert_eq!(expected.size, bytes.len(), "{bytes:02x?}");
            let with_payload = [bytes, &[0xEE; 20][..]].concat();
            assert_eq!(FrameHead::parse(&with_payload), Ok(Some(*expected)), "{bytes:02x?} and payload");
            for short in 0..bytes.len() {
                assert_eq!(FrameHead::parse(&bytes[..short]), Ok(None), "{short} bytes of {bytes:02x?}");
            }
        }
    }

    #[test]
    fn what_section_5_2_forbids_is_refused_at_the_byte_that_tells() {
        use Violation::{FragmentedControl, LengthOverflow, LongControl, NonMinimalLength, ReservedOpcode};
        let rows: &[(&[u8], Violation)] = &[
            (&[0x83], ReservedOpcode),
            (&[0x84], ReservedOpcode),
            (&[0x85], ReservedOpcode),
            (&[0x86], ReservedOpcode),
            (&[0x87], ReservedOpcode),
            (&[0x8B], ReservedOpcode),
            (&[0x8C], ReservedOpcode),
            (&[0x8D], ReservedOpcode),
            (&[0x8E], ReservedOpcode),
            (&[0x8F], ReservedOpcode),
            (&[0x03], ReservedOpcode),
            (b"G", ReservedOpcode),
            (&[0x08], FragmentedControl),
            (&[0x09], FragmentedControl),
            (&[0x0A], FragmentedControl),
            (&[0x88, 126], LongControl),
            (&[0x89, 127], LongControl),
            (&[0x8A, 0xFE], LongControl),
            (&[0x8A, 0xFF], LongControl),
            (&[0x82, 126, 0, 0], NonMinimalLength),
            (&[0x82, 126, 0, 125], NonMinimalLength),
            (&[0x82, 0xFE, 0, 125], NonMinimalLength),
            (&[0x82, 127, 0, 0, 0, 0, 0, 0], NonMinimalLength),
            (&[0x82, 0xFF, 0, 0, 0, 0, 0, 0], NonMinimalLength),
            (&[0x82, 127, 0x80], LengthOverflow),
            (&[0x82, 0xFF, 0xFF], LengthOverflow),
        ];
        for (bytes, violation) in rows {
            assert_eq!(FrameHead::parse(bytes), Err(*violation), "{bytes:02x?}");
            let longer = [bytes, &[0xFF; 14][..]].concat();
            assert_eq!(FrameHead::parse(&longer), Err(*violation), "{bytes:02x?} and more");
            let shorter = &bytes[..bytes.len() - 1];
            assert_eq!(FrameHead::parse(shorter), Ok(None), "{shorter:02x?}");
        }
    }

    #[test]
    fn own_frames_are_masked_towards_the_gateway_only() {
        let ping = *b"8 bytes!";
        assert_eq!(OwnFrame::ping(&ping, None).as_bytes(), b"\x89\x088 bytes!");
        // The example of RFC 6455 §5.7 masks "Hello" with this key.
        let hello = OwnFrame::control(PING, b"Hello", Some(KEY));
        assert_eq!(hello.as_bytes(), [0x89, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]);
        assert_eq!(OwnFrame::close(1012, "bye", None).as_bytes(), b"\x88\x05\x03\xF4bye");
        let close = OwnFrame::close(1001, "", Some([0, 0, 0, 1]));
        assert_eq!(close.as_bytes(), [0x88, 0x82, 0, 0, 0, 1, 0x03, 0xE9]);
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let fits = "x".repeat(123);
        let rows = [
            (fits.clone(), fits.clone()),
            ("x".repeat(124), fits),
            // 41 characters of three bytes fill 123 bytes.
            ("€".repeat(42), "€".repeat(41)),
            // Two bytes are left for the last character: it goes.
            (format!("{}€", "x".repeat(121)), "x".repeat(121)),
        ];
        for (reason, expected) in rows {
            let frame = OwnFrame::close(1001, &reason, None);
            let head = FrameHead::parse(frame.as_bytes()).unwrap().unwrap();
            assert_eq!(head.len, expected.len() as u64 + 2, "{reason}");
            assert_eq!(&frame.as_bytes()[head.size + 2..], expected.as_bytes());
        }
    }
}
