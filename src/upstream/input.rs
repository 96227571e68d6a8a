//! [`Input`]: what was read of a connection and is not used yet.

use std::mem::{MaybeUninit, take};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::{cmp, io};

use bytes::{Bytes, BytesMut};
use tokio::io::ReadBuf;
use tokio_util::io::poll_read_buf;

use crate::io::{Readable, TEXT};

/// What was read of an HTTP/1.1 connection and is not used yet, and how much is read at once: a connection that waits owns no
/// buffer, and one that much is expected of is read in large pieces.
#[derive(Debug, Default)]
pub(crate) struct Input {
    /// What came. Whoever uses some of it splits it off the front.
    pub(crate) bytes: Bytes,
    /// How much is read at once; 0 is little, by way of the stack.
    room: usize,
    /// It is used slowly.
    little: bool,
    /// Where much is read to.
    memory: BytesMut,
}

impl Input {
    /// `length` bytes are known to come.
    pub(crate) fn expect(&mut self, length: u64) {
        self.room = self.room_for(usize::try_from(length).unwrap_or(usize::MAX));
    }

    /// Adds what there is. If that is nothing, the peer has closed the connection.
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
            // What is kept of little must not keep much.
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
            // What waits here often waits long, and little comes then.
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

    /// Whoever uses it is slow: what waits here should be little, to the end of this transfer.
    pub(crate) fn read_little(&mut self) {
        self.little = true;
        self.room = self.room_for(self.room);
        self.memory = BytesMut::new();
    }

    /// Lets the next read be a small one.
    pub(crate) fn read_little_next(&mut self) {
        self.room = 0;
    }

    /// How much is read at once where so much is expected.
    fn room_for(&self, expected: usize) -> usize {
        let most = if self.little { 2 * SMALL } else { LARGE };
        if expected <= SMALL { 0 } else { cmp::min(expected, most) }
    }

    /// Lets go of what only a transfer needs.
    pub(crate) fn rest(&mut self) {
        (self.room, self.little) = (0, false);
        self.memory = BytesMut::new();
        if self.bytes.is_empty() {
            // It would keep what it is a view of.
            self.bytes = Bytes::new();
        }
    }

    /// What came and was not used.
    pub(crate) fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

/// Read at once where little is expected: most messages are shorter, and no memory waits for them.
const SMALL: usize = 8 * 1024;
/// Read at once where much is expected: as much as goes out with one system call.
const LARGE: usize = TEXT;
