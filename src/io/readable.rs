//! [`Readable`]: a stream that says whether there is something to be read before a buffer is borrowed for it.

use std::io;
use std::task::{Context, Poll};

use tokio::io::AsyncRead;

/// A stream that says whether there is something to be read before a buffer is borrowed for it. Most looks at a stream
/// find nothing: one follows every read, and each direction of a WebSocket is looked at whenever something comes from
/// the other.
pub(crate) trait Readable: AsyncRead {
    /// Ready if a read may find something: bytes, the end, an error. Otherwise the task that asks is woken when a read
    /// may. A stream that cannot say is ready.
    fn poll_readable(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Whether the peer has ended its side or the connection, also behind bytes that are not read yet. A stream that
    /// cannot say has not.
    fn has_ended(&self) -> bool {
        false
    }

    /// Gives back memory that is only held for the next read, when none is expected for a while.
    fn settle(&mut self) {}

    /// Called whenever a task finds that what it has read cannot be passed on for the moment. A stream that shares its connection
    /// with others takes in what comes meanwhile, within its window, so that they need not wait.
    fn stand_still(&mut self, _: &mut Context<'_>) {}

    /// Ends our side without waiting for anything, where what was written ends with a whole frame and nothing follows. Only a
    /// stream that shares its connection with others does something here: it would be reset when it is dropped.
    fn end_between_frames(&mut self) {}

    /// Ready when what was written can no longer get lost by dropping the stream. Only a stream that shares its connection with
    /// others waits here.
    fn poll_written(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

#[cfg(test)]
impl Readable for tokio::io::DuplexStream {}

#[cfg(test)]
impl<S: AsyncRead + tokio::io::AsyncWrite> Readable for tokio::io::BufStream<S> {}

#[cfg(test)]
impl<R: AsyncRead, W> Readable for tokio::io::Join<R, W> {}
