//! [`Frame`]: RFC 6455 §5.2, written down a second time, so that the tests do not believe what they test.

use std::fmt;

/// One frame, with its payload in the clear.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// FIN, the three RSV bits and the opcode.
    pub(crate) first: u8,
    pub(crate) mask: Option<[u8; 4]>,
    pub(crate) payload: Vec<u8>,
}

/// What the tests' clients mask with.
pub(crate) const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

impl Frame {
    pub(crate) fn new(first: u8, payload: impl Into<Vec<u8>>) -> Self {
        Self { first, mask: None, payload: payload.into() }
    }

    pub(crate) fn text(text: &str) -> Self {
        Self::new(0x81, text)
    }

    pub(crate) fn binary(payload: impl Into<Vec<u8>>) -> Self {
        Self::new(0x82, payload)
    }

    pub(crate) fn ping(payload: &[u8]) -> Self {
        Self::new(0x89, payload)
    }

    pub(crate) fn pong(payload: &[u8]) -> Self {
        Self::new(0x8a, payload)
    }

    pub(crate) fn close(code: u16, reason: &str) -> Self {
        Self::new(0x88, [&code.to_be_bytes(), reason.as_bytes()].concat())
    }

    /// A Close without a code.
    pub(crate) fn bare_close() -> Self {
        Self::new(0x88, [])
    }

    /// As a client sends it.
    pub(crate) fn masked(&self) -> Vec<u8> {
        self.bytes(Some(MASK))
    }

    /// As a gateway sends it.
    pub(crate) fn bare(&self) -> Vec<u8> {
        self.bytes(None)
    }

    /// As it is on the wire with `mask`.
    pub(crate) fn bytes(&self, mask: Option<[u8; 4]>) -> Vec<u8> {
        let mut bytes = vec![self.first];
        let masked = if mask.is_some() { 0x80 } else { 0 };
        match u16::try_from(self.payload.len()) {
            Ok(length @ 0..126) => bytes.push(masked | length.to_be_bytes()[1]),
            Ok(length) => {
                bytes.push(masked | 0x7e);
                bytes.extend(length.to_be_bytes());
            }
            Err(_) => {
                bytes.push(masked | 0x7f);
                bytes.extend((self.payload.len() as u64).to_be_bytes());
            }
        }
        bytes.extend(mask.into_iter().flatten());
        let start = bytes.len();
        bytes.extend(&self.payload);
        if let Some(mask) = mask {
            apply(mask, &mut bytes[start..]);
        }
        bytes
    }

    /// The frame at the beginning of `bytes`, and how long it is; `None` if it is not all there.
    pub(crate) fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let (&[first, second], rest) = bytes.split_first_chunk()?;
        let (length, rest) = match second & 0x7f {
            126 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u64::from(u16::from_be_bytes(*length)), rest)
            }
            127 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u64::from_be_bytes(*length), rest)
            }
            length => (u64::from(length), rest),
        };
        let (mask, rest) = if second & 0x80 == 0 {
            (None, rest)
        } else {
            let (mask, rest) = rest.split_first_chunk()?;
            (Some(*mask), rest)
        };
        let mut payload = rest.get(..usize::try_from(length).unwrap())?.to_vec();
        let whole = bytes.len() - rest.len() + payload.len();
        if let Some(mask) = mask {
            apply(mask, &mut payload);
        }
        Some((Self { first, mask, payload }, whole))
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.payload[..self.payload.len().min(60)];
        let masked = if self.mask.is_some() { " masked" } else { "" };
        write!(f, "{:#04x}{masked} {} bytes \"{}\"", self.first, self.payload.len(), shown.escape_ascii())
    }
}

fn apply(mask: [u8; 4], payload: &mut [u8]) {
    for (byte, key) in payload.iter_mut().zip(mask.into_iter().cycle()) {
        *byte ^= key;
    }
}
