//! [`FramePrefix`]: the few bytes at the beginning of a frame that are held back.

use std::fmt;

use crate::websocket::frame::MAX_HEADER;

/// Bytes at the beginning of a frame: an incomplete header, or part of a pong that may answer a ping of ours.
///
/// A masked pong with the payload of our pings is exactly as long as the longest header.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct FramePrefix {
    len: u8,
    bytes: [u8; MAX_HEADER],
}

impl FramePrefix {
    /// The bytes to write.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len()]
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes are held.
    pub fn len(&self) -> usize {
        self.len.into()
    }

    /// How many more bytes fit in.
    pub(in crate::websocket) fn room(&self) -> usize {
        MAX_HEADER - self.len()
    }

    /// Adds `bytes`, for which there must be room.
    pub(in crate::websocket) fn push(&mut self, bytes: &[u8]) {
        let start = self.len();
        let end = start + bytes.len();
        self.bytes[start..end].copy_from_slice(bytes);
        self.len = u8::try_from(end).expect("the slice above ends within 14 bytes");
    }
}

impl fmt::Debug for FramePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({:02x?})", self.as_bytes())
    }
}
