//! [`Buffers`]: the memory that relays read into, borrowed for as long as bytes are on their way.

use std::sync::{Mutex, PoisonError};

/// Buffers that relays borrow. A relay whose link is idle holds none; one whose peer does not read holds one a direction.
#[derive(Debug, Default)]
pub struct Buffers {
    free: Mutex<Vec<Box<[u8]>>>,
}

impl Buffers {
    /// None yet; they are made as they are needed.
    pub fn new() -> Self {
        Self::default()
    }

    /// A buffer of [`SIZE`] bytes. What is in it means nothing.
    pub fn take(&self) -> Box<[u8]> {
        let free = self.free().pop();
        free.unwrap_or_else(|| vec![0; SIZE].into_boxed_slice())
    }

    /// Gives a buffer back. One of another size (the bytes that came with a handshake) is simply freed.
    pub fn put(&self, buffer: Box<[u8]>) {
        if buffer.len() == SIZE {
            let mut free = self.free();
            if free.len() < KEPT {
                free.push(buffer);
            }
        }
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Box<[u8]>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes read at once: a TLS record holds 16 KiB, and beyond a few of them larger reads save nothing measurable.
pub const SIZE: usize = 32 * 1024;
/// Buffers kept for the next borrower. Only as many are ever in use as threads are reading, plus one for each blocked direction.
const KEPT: usize = 16;

#[cfg(test)]
impl Buffers {
    /// How many wait for a borrower: as many as were ever borrowed at once.
    pub(super) fn kept(&self) -> usize {
        self.free().len()
    }
}
