//! [`Chunk`]: bytes on their way through, in a buffer that is borrowed for as long as there are any.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncWrite, ReadBuf};

use super::buffers::{BufferPool, SIZE};
use super::readable::Readable;

/// Bytes on their way through: they come in at the end and leave at the front. A task that has to wait calls
/// [`Chunk::settle`] first, so that a connection without bytes holds no memory, and one with a few holds little more
/// than those.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    memory: Option<Box<[u8]>>,
    start: usize,
    end: usize,
}

impl Chunk {
    /// A copy of `bytes`.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { memory: (!bytes.is_empty()).then(|| bytes.into()), start: 0, end: bytes.len() }
    }

    /// Whether no bytes are in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The bytes that have come in and have not left yet.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.memory.as_ref().map_or(&[], |memory| &memory[self.start..self.end])
    }

    /// The bytes of [`Chunk::bytes`], to be changed in place.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        self.memory.as_mut().map_or(&mut [], |memory| &mut memory[self.start..self.end])
    }

    /// Drops the first `length` bytes, which are done with.
    ///
    /// # Panics
    /// If there are fewer than `length` bytes.
    pub(crate) fn consume(&mut self, length: usize) {
        assert!(length <= self.end - self.start, "{length} bytes were in it");
        self.start += length;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// The room for more bytes; a write to it is followed by [`Chunk::filled`]. It is empty if the chunk is full.
    pub(crate) fn room(&mut self, buffers: &BufferPool) -> &mut [u8] {
        let memory = match self.memory.take() {
            Some(mut memory) if memory.len() == SIZE => {
                if self.start > 0 {
                    memory.copy_within(self.start..self.end, 0);
                }
                memory
            }
            small => {
                let mut memory = buffers.take();
                if let Some(small) = small {
                    memory[..self.end - self.start].copy_from_slice(&small[self.start..self.end]);
                }
                memory
            }
        };
        (self.start, self.end) = (0, self.end - self.start);
        &mut self.memory.insert(memory)[self.end..]
    }

    /// Adds the first `length` bytes of the room, which were written to.
    pub(crate) fn filled(&mut self, length: usize) {
        self.end += length;
    }

    /// Gives the buffer back, and keeps what is in it in memory of its own size. A peer that sends half of something,
    /// or reads half of it, costs what it has sent and not a whole buffer.
    pub(crate) fn settle(&mut self, buffers: &BufferPool) {
        let Some(memory) = self.memory.take_if(|memory| self.start == self.end || memory.len() == SIZE) else { return };
        if self.end - self.start > SIZE / 2 {
            self.memory = Some(memory);
            return;
        }
        *self = Self::of(&memory[self.start..self.end]);
        buffers.put(memory);
    }

    /// Reads what there is and fits in, at most `most` bytes; 0 is the end of the stream. Settles if there is nothing
    /// to read. An error if the chunk is full.
    pub(crate) fn poll_fill<R: Readable + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut R,
        buffers: &BufferPool,
        most: usize,
    ) -> Poll<io::Result<usize>> {
        if let pending_or_failed @ (Poll::Pending | Poll::Ready(Err(_))) = io.poll_readable(cx) {
            self.settle(buffers);
            return pending_or_failed.map_ok(|()| 0);
        }
        let room = self.room(buffers);
        let most = most.min(room.len());
        if most == 0 {
            return Poll::Ready(Err(io::ErrorKind::StorageFull.into()));
        }
        let mut room = ReadBuf::new(&mut room[..most]);
        let read = Pin::new(io).poll_read(cx, &mut room);
        let length = room.filled().len();
        self.filled(length);
        if length == 0 {
            self.settle(buffers);
        }
        read.map_ok(|()| length)
    }

    /// Writes all bytes to the stream; settles if the stream does not take them.
    pub(crate) fn poll_drain<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut W,
        buffers: &BufferPool,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            match Pin::new(&mut *io).poll_write(cx, self.bytes()) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => self.consume(written),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.settle(buffers);
                    return Poll::Pending;
                }
            }
        }
        self.settle(buffers);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
impl Chunk {
    /// The bytes of memory that the chunk holds.
    pub(crate) fn holds(&self) -> usize {
        self.memory.as_ref().map_or(0, |memory| memory.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(chunk: &mut Chunk, buffers: &BufferPool, bytes: &[u8]) {
        chunk.room(buffers)[..bytes.len()].copy_from_slice(bytes);
        chunk.filled(bytes.len());
    }

    #[test]
    fn bytes_leave_in_the_order_that_they_came_in_wherever_they_are_kept() {
        for settles in [false, true] {
            let (buffers, mut chunk) = (BufferPool::new(), Chunk::of(b"ab"));
            for (step, left) in [("cde", "bcde"), ("fg", "cdefg"), ("", "defg")] {
                add(&mut chunk, &buffers, step.as_bytes());
                chunk.consume(1);
                if settles {
                    chunk.settle(&buffers);
                }
                assert_eq!(chunk.bytes(), left.as_bytes());
                assert_eq!(chunk.bytes_mut(), left.as_bytes());
            }
            chunk.consume(4);
            chunk.settle(&buffers);
            assert!(chunk.is_empty() && chunk.memory.is_none());
            assert_eq!(buffers.kept(), 1);
        }
    }

    #[test]
    fn what_waits_holds_memory_of_its_own_size() {
        let (buffers, mut chunk) = (BufferPool::new(), Chunk::default());
        add(&mut chunk, &buffers, &[7; 100]);
        chunk.consume(30);
        chunk.settle(&buffers);
        assert_eq!((chunk.memory.as_ref().unwrap().len(), buffers.kept()), (70, 1));
        add(&mut chunk, &buffers, &vec![7; SIZE - 70]);
        assert_eq!((chunk.room(&buffers).len(), buffers.kept()), (0, 0), "full");
        chunk.settle(&buffers);
        assert_eq!((chunk.bytes().len(), buffers.kept()), (SIZE, 0), "too much to move");
    }
}
