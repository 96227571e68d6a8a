//! [`BufferPool`]: the memory that sockets are read into, borrowed for as long as bytes are on their way.

use std::sync::{Mutex, PoisonError};

/// Buffers to borrow. A connection that is idle holds none; one whose peer does not read holds one a direction.
#[derive(Debug, Default)]
pub(crate) struct BufferPool {
    free: Mutex<Vec<Box<[u8]>>>,
}

impl BufferPool {
    /// An empty pool; buffers are allocated as they are needed.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A buffer of [`SIZE`] bytes, with unspecified content.
    pub(crate) fn take(&self) -> Box<[u8]> {
        let free = self.free().pop();
        free.unwrap_or_else(|| vec![0; SIZE].into_boxed_slice())
    }

    /// Gives a buffer back. A buffer of another size is simply freed.
    pub(crate) fn put(&self, buffer: Box<[u8]>) {
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

/// As much text as three full TLS records have. What is written at once fits into one segment of the loopback device
/// (65,483 bytes): a fourth record would leave a few bytes over for a segment of their own, which costs a quarter more
/// for each mebibyte. Two records cost an eighth more, since there are more reads and writes; seven, which fill two
/// segments, a tenth.
pub(crate) const TEXT: usize = 3 * 16 * 1024;
/// [`TEXT`] and what TLS puts around it: at most 29 bytes a record, and a few short records of its own.
pub(crate) const SIZE: usize = TEXT + 1024;
/// Buffers kept for the next borrower. Only as many are ever in use as threads are reading, plus one for each blocked
/// direction.
const KEPT: usize = 16;

#[cfg(test)]
impl BufferPool {
    /// How many buffers wait for a borrower: as many as were ever borrowed at once.
    pub(crate) fn kept(&self) -> usize {
        self.free().len()
    }
}
