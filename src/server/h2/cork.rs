//! [`Cork`]: gathers what an HTTP/2 connection writes, so that many small answers become one TLS record and one system
//! call, and lets it read a few heads and pieces of bodies at a time.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::frame_count::{FrameCount, ReadTurn};
use super::send_budget::SendBudget;
use crate::io::{BufferPool, Chunk};

/// Keeps bytes that were written through [`Corked`] until it is released, or there are too many to be kept.
///
/// The h2 library flushes behind every frame with data, so a layer that waits for a flush would gather nothing. The
/// task that polls the connection knows when all bytes that there are have been written, and releases them then.
pub(super) struct Cork<S>(Arc<Mutex<Inner<S>>>);

/// The stream that the connection uses.
pub(super) struct Corked<S>(Arc<Mutex<Inner<S>>>);

struct Inner<S> {
    stream: S,
    kept: Chunk,
    buffers: Arc<BufferPool>,
    /// Says how many bytes may be kept.
    budget: SendBudget,
    frames: FrameCount,
    /// What may still be read in this turn.
    turn: ReadTurn,
    /// The connection asked for more bytes when the turn was over.
    wants_turn: bool,
    /// Bytes that came behind the end of a turn.
    ahead: Vec<u8>,
    /// When bytes of the client were last read.
    heard: Instant,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Cork<S> {
    /// Corks a stream: returns the cork, and the stream for the connection.
    pub(super) fn new(stream: S, buffers: Arc<BufferPool>, budget: SendBudget) -> (Self, Corked<S>) {
        let inner = Arc::new(Mutex::new(Inner {
            stream,
            kept: Chunk::default(),
            buffers,
            budget,
            frames: FrameCount::new(),
            turn: ReadTurn { heads: usize::MAX, data: usize::MAX },
            wants_turn: false,
            ahead: Vec::new(),
            heard: Instant::now(),
        }));
        (Self(Arc::clone(&inner)), Corked(inner))
    }

    /// Lets the connection read no more than this. The h2 library decodes all heads, and keeps all pieces of bodies, that it
    /// can read before the first of them is looked at: a few bytes of a compressed head become many, and a connection with too many
    /// short pieces is ended.
    pub(super) fn begin_turn(&self, turn: ReadTurn) {
        let mut inner = lock(&self.0);
        (inner.turn, inner.wants_turn) = (turn, false);
    }

    /// Whether the turn ended before everything that had come was read.
    pub(super) fn wants_turn(&self) -> bool {
        lock(&self.0).wants_turn
    }

    /// When bytes of the client were last read.
    pub(super) fn heard(&self) -> Instant {
        lock(&self.0).heard
    }

    /// Writes the bytes that were kept, to the last one.
    pub(super) fn poll_release(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = lock(&self.0);
        ready!(inner.poll_write_kept(cx))?;
        Pin::new(&mut inner.stream).poll_flush(cx)
    }
}

impl<S: AsyncWrite + Unpin> Inner<S> {
    fn poll_write_kept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.kept.poll_drain(cx, &mut self.stream, &self.buffers)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Corked<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let inner = &mut *lock(&self.0);
        if inner.turn.is_over() {
            inner.wants_turn = true;
            return Poll::Pending;
        }
        if !inner.ahead.is_empty() {
            let length = inner.ahead.len().min(into.remaining());
            let passed = inner.frames.pass(&inner.ahead[..length], &mut inner.turn);
            into.put_slice(&inner.ahead[..passed]);
            inner.ahead.drain(..passed);
            if inner.ahead.is_empty() {
                inner.ahead = Vec::new();
            }
            return Poll::Ready(Ok(()));
        }
        let before = into.filled().len();
        ready!(Pin::new(&mut inner.stream).poll_read(cx, into))?;
        inner.heard = Instant::now();
        let passed = inner.frames.pass(&into.filled()[before..], &mut inner.turn);
        inner.ahead.extend_from_slice(&into.filled()[before + passed..]);
        into.set_filled(before + passed);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Corked<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let inner = &mut *lock(&self.0);
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let most = inner.budget.write_at_once();
        if inner.kept.bytes().len() + length > most {
            ready!(inner.poll_write_kept(cx))?;
        }
        if length > most {
            return Pin::new(&mut inner.stream).poll_write_vectored(cx, parts);
        }
        for part in parts {
            inner.kept.room(&inner.buffers)[..part.len()].copy_from_slice(part);
            inner.kept.filled(part.len());
        }
        Poll::Ready(Ok(length))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Does nothing: see [`Cork`].
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let inner = &mut *lock(&self.0);
        ready!(inner.poll_write_kept(cx))?;
        Pin::new(&mut inner.stream).poll_shutdown(cx)
    }
}

fn lock<S>(inner: &Mutex<Inner<S>>) -> MutexGuard<'_, Inner<S>> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Waker;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;
    use crate::io::TEXT;
    use crate::server::send_space::SendSpace;

    fn corked(room: usize) -> (Cork<DuplexStream>, Corked<DuplexStream>, DuplexStream) {
        let (near, far) = duplex(room);
        let budget = SendBudget::new(SendSpace::new(1 << 20).lease(None));
        // A client that has taken enough to be given more than a little.
        budget.take(1 << 20);
        budget.give_back(1 << 20);
        budget.turn(0, None);
        let (cork, corked) = Cork::new(near, Arc::new(BufferPool::new()), budget);
        (cork, corked, far)
    }

    /// Polls a future once.
    fn look<F: Future>(future: F) -> Poll<F::Output> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    fn arrived(far: &mut DuplexStream) -> Vec<u8> {
        let mut bytes = vec![0; 1 << 20];
        let mut length = 0;
        while let Poll::Ready(read) = look(far.read(&mut bytes[length..])) {
            length += read.unwrap();
        }
        bytes.truncate(length);
        bytes
    }

    #[tokio::test]
    async fn what_is_written_and_flushed_waits_for_its_release() {
        let (cork, mut corked, mut far) = corked(1 << 20);
        for word in ["one ", "two ", "three"] {
            corked.write_all(word.as_bytes()).await.unwrap();
            corked.flush().await.unwrap();
        }
        assert_eq!(arrived(&mut far), b"");
        poll_fn(|cx| cork.poll_release(cx)).await.unwrap();
        assert_eq!(arrived(&mut far), b"one two three");
        assert_eq!(lock(&cork.0).kept.holds(), 0, "an idle connection owns no buffer");
    }

    #[tokio::test]
    async fn no_more_is_kept_than_goes_out_at_once_and_the_order_stays() {
        let (cork, mut corked, mut far) = corked(1 << 20);
        corked.write_all(b"a").await.unwrap();
        corked.write_all(&vec![b'b'; TEXT]).await.unwrap();
        assert_eq!(arrived(&mut far), b"a", "what does not fit beside it goes first");
        corked.write_all(&vec![b'c'; TEXT + 1]).await.unwrap();
        let bytes = arrived(&mut far);
        assert_eq!((bytes.len(), bytes[0], bytes[TEXT]), (2 * TEXT + 1, b'b', b'c'), "a large one is not kept at all");
        poll_fn(|cx| cork.poll_release(cx)).await.unwrap();
        assert_eq!(arrived(&mut far), b"");
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_stops_the_writer() {
        let (cork, mut corked, mut far) = corked(16);
        corked.write_all(&vec![b'x'; TEXT]).await.unwrap();
        assert!(look(corked.write_all(b"y")).is_pending());
        assert!(look(poll_fn(|cx| cork.poll_release(cx))).is_pending());
        assert_eq!(arrived(&mut far).len(), 16);
    }

    #[tokio::test]
    async fn the_end_brings_the_rest() {
        let (_cork, mut corked, mut far) = corked(1 << 20);
        corked.write_all(b"rest").await.unwrap();
        corked.shutdown().await.unwrap();
        let mut bytes = Vec::new();
        far.read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes, b"rest");
    }
}
