//! [`Input`]: bytes that were read from a connection and are not used yet.

use std::mem::{MaybeUninit, take};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::{cmp, io};

use bytes::{Bytes, BytesMut};
use tokio::io::ReadBuf;
use tokio_util::io::poll_read_buf;

use crate::io::{Readable, TEXT};

/// Bytes that were read from an HTTP/1.1 connection and are not used yet, and how many are read at once: a connection
/// that waits owns no buffer, and one that much is expected of is read in large pieces.
#[derive(Debug, Default)]
pub(crate) struct Input {
    /// The bytes that came. A parser that uses some of them splits them off the front.
    pub(crate) bytes: Bytes,
    /// How many bytes are read at once; 0 is at most [`SMALL`], by way of the stack.
    room: usize,
    /// Whether the bytes are used slowly.
    little: bool,
    /// The buffer for large reads.
    memory: BytesMut,
}

impl Input {
    /// Notes that `length` bytes are known to come.
    pub(crate) fn expect(&mut self, length: u64) {
        self.room = self.room_for(usize::try_from(length).unwrap_or(usize::MAX));
    }

    /// Adds the bytes that can be read. If there are none, the peer has closed the connection.
    pub(crate) fn poll_read<R: Readable + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut R,
    ) -> Poll<io::Result<()>> {
        if self.room > 0 && self.bytes.is_empty() {
            ready!(stream.poll_readable(cx))?;
            self.memory.reserve(self.room);
            let Poll::Ready(read) = poll_read_buf(Pin::new(stream), cx, &mut self.memory) else {
                self.memory = BytesMut::new();
                return Poll::Pending;
            };
            let read = read?;
            // A few bytes that are kept must not keep a large buffer.
            self.bytes = if read < self.room / 2 {
                let copied = Bytes::copy_from_slice(&self.memory);
                self.memory.clear();
                copied
            } else {
                self.memory.split().freeze()
            };
            self.room = match read {
                _ if read >= self.room => self.room_for(self.room * 2),
                _ if read > SMALL => self.room,
                _ => 0,
            };
        } else {
            // A connection that waits here often waits long, and little comes then.
            self.memory = BytesMut::new();
            let mut memory = [const { MaybeUninit::uninit() }; SMALL];
            let mut memory = ReadBuf::uninit(&mut memory);
            ready!(Pin::new(stream).poll_read(cx, &mut memory))?;
            let read = memory.filled();
            if self.bytes.is_empty() {
                self.bytes = Bytes::copy_from_slice(read);
            } else {
                let mut joined = take(&mut self.bytes).try_into_mut().unwrap_or_else(|shared| (&*shared).into());
                joined.extend_from_slice(read);
                self.bytes = joined.freeze();
            }
            if read.len() == SMALL {
                self.room = self.room_for(2 * SMALL);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads little at once, to the end of this transfer: the client that takes the bytes is slow, and what waits for
    /// it should be little.
    pub(crate) fn read_little(&mut self) {
        self.little = true;
        self.room = self.room_for(self.room);
        self.memory = BytesMut::new();
    }

    /// Lets the next read be a small one.
    pub(crate) fn read_little_next(&mut self) {
        self.room = 0;
    }

    /// How many bytes are read at once where so many are expected.
    fn room_for(&self, expected: usize) -> usize {
        let most = if self.little { 2 * SMALL } else { LARGE };
        if expected <= SMALL { 0 } else { cmp::min(expected, most) }
    }

    /// Lets go of the memory that only a transfer needs.
    pub(crate) fn rest(&mut self) {
        (self.room, self.little) = (0, false);
        self.memory = BytesMut::new();
        if self.bytes.is_empty() {
            // An empty view would keep the buffer that it is a view of.
            self.bytes = Bytes::new();
        }
    }

    /// The bytes that came and were not used.
    pub(crate) fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

/// Bytes to read at once where little is expected: most messages are shorter, and no memory waits for them.
const SMALL: usize = 8 * 1024;
/// Bytes to read at once where much is expected: as many as go out with one system call.
const LARGE: usize = TEXT;
