//! [`CloseSeen`]: what a peer said when it closed.

use crate::websocket::frame::{FrameHead, unmasked};

/// The Close frame of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseSeen {
    /// Its close code; `None` if the Close was empty.
    pub code: Option<u16>,
    /// Its reason, in which bytes that are not UTF-8 are replaced. It is the peer's text: not for a log line without
    /// escaping.
    pub reason: String,
}

/// A Close whose payload is passing.
#[derive(Debug)]
pub(super) struct PassingClose {
    mask: Option<[u8; 4]>,
    len: usize,
    payload: Vec<u8>,
}

impl PassingClose {
    pub(super) fn new(head: &FrameHead) -> Self {
        let len = usize::try_from(head.len).expect("a control frame has at most 125 bytes");
        Self { mask: head.mask, len, payload: Vec::with_capacity(len) }
    }

    /// How many bytes of the Close are still to come.
    pub(super) fn missing(&self) -> usize {
        self.len - self.payload.len()
    }

    /// Copies the bytes of the Close from the beginning of `bytes`, and returns how many there were.
    pub(super) fn fill(&mut self, bytes: &[u8]) -> usize {
        let missing = self.missing().min(bytes.len());
        self.payload.extend_from_slice(&bytes[..missing]);
        missing
    }

    /// The Close, when all of it has passed.
    pub(super) fn seen(&self) -> Option<CloseSeen> {
        if self.payload.len() < self.len {
            return None;
        }
        let payload = unmasked(&self.payload, self.mask);
        Some(match payload.split_first_chunk() {
            None => CloseSeen { code: None, reason: String::new() },
            Some((code, reason)) => CloseSeen {
                code: Some(u16::from_be_bytes(*code)),
                reason: String::from_utf8_lossy(reason).into_owned(),
            },
        })
    }
}
