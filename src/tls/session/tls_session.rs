//! [`TlsSession`]: the TLS of a client's connection after its handshake.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::records::{Advanced, SessionStep, TlsRecords, Wire};
use super::rustls_records::RustlsRecords;
use crate::io::{BufferPool, Chunk, Readable, SIZE, TEXT};

/// The TLS of a client's connection, over [`TlsRecords`]: the buffers are ours to borrow and to give back. A session of
/// tokio-rustls keeps 4 KiB to read into for as long as it lives, and reads no more than that at once, while an idle one
/// of these keeps nothing, and a busy one reads and writes three full records with one system call. One task reads and
/// writes: either may send what waits to be sent.
pub(crate) struct TlsSession<S> {
    io: S,
    tls: RustlsRecords,
    buffers: Arc<BufferPool>,
    /// Bytes that were received and are not decrypted.
    incoming: Chunk,
    /// Bytes that are encrypted and not sent.
    outgoing: Chunk,
    /// Bytes that are decrypted and that no read has taken.
    text: Chunk,
    due: DueOutput,
    /// The client has sent its `close_notify`.
    over: bool,
    /// Our `close_notify` has been queued.
    closed: bool,
    /// The client broke the protocol: no more bytes are decrypted or encrypted.
    broken: bool,
}

/// The state of `outgoing`, which decides when it is sent.
#[derive(Default)]
struct DueOutput {
    /// `outgoing` holds only messages of rustls itself.
    only_own: bool,
    /// The client has sent data, and nothing was written since.
    answer: bool,
}

impl<S> TlsSession<S> {
    /// A session before its handshake, with the bytes that were received already.
    pub(super) fn new(io: S, tls: RustlsRecords, incoming: Chunk, buffers: Arc<BufferPool>) -> Self {
        let (outgoing, text) = (Chunk::default(), Chunk::default());
        let due = DueOutput::default();
        Self { io, tls, buffers, incoming, outgoing, text, due, over: false, closed: false, broken: false }
    }

    /// The negotiated parameters.
    pub(crate) fn agreed(&self) -> &rustls::CommonState {
        self.tls.agreed()
    }

    /// The stream below.
    pub(crate) fn io(&self) -> &S {
        &self.io
    }

    /// The stream below, for a session that has failed.
    pub(super) fn io_mut(&mut self) -> &mut S {
        &mut self.io
    }

    /// How many encrypted bytes the kernel does not have yet.
    pub(crate) fn unsent(&self) -> usize {
        self.outgoing.bytes().len()
    }

    /// Decrypts the received bytes, as far as records are complete and `buf` has room, and then carries out `next`.
    fn process(&mut self, buf: &mut ReadBuf<'_>, next: &SessionStep<'_>) -> io::Result<()> {
        if self.broken {
            return Err(io::ErrorKind::InvalidData.into());
        }
        loop {
            let Self { tls, incoming, outgoing, text, buffers, .. } = self;
            let (had_output, mut got_some) = (!outgoing.is_empty(), false);
            let wire = Wire { incoming, outgoing, buffers };
            let advanced = tls.advance(wire, next, &mut |record| {
                let fits = if text.is_empty() { buf.remaining().min(record.len()) } else { 0 };
                buf.put_slice(&record[..fits]);
                keep(text, buffers, &record[fits..])
            });
            match advanced.inspect_err(|_| self.broken = true)? {
                Advanced::Text => got_some = true,
                Advanced::Handled => self.due.only_own |= !had_output && !self.outgoing.is_empty(),
                Advanced::PeerClosed => self.over = true,
                Advanced::Done => {
                    self.due.only_own &= matches!(next, SessionStep::Read);
                    return Ok(());
                }
                Advanced::Blocked if matches!(next, SessionStep::Write(_)) => {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                Advanced::Blocked => return Ok(()),
            }
            // A reader has enough when another record would only have to be kept, or has not arrived. A writer has to
            // go on.
            let nothing_left = self.incoming.is_empty() && !self.tls.has_own_messages();
            if got_some && matches!(next, SessionStep::Read) && (buf.remaining() == 0 || nothing_left) {
                return Ok(());
            }
        }
    }
}

impl<S: Readable + AsyncWrite + Unpin> TlsSession<S> {
    /// Shakes hands. The server's last messages (tickets) go out with the first write, or when the session waits for a
    /// client that has not sent a request yet: that saves a system call and a packet for each connection.
    pub(super) fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut nothing = ReadBuf::new(&mut []);
            if let Err(error) = self.process(&mut nothing, &SessionStep::Read) {
                let _ = self.poll_send(cx);
                return Poll::Ready(Err(error));
            }
            if !self.tls.agreed().is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            // Reads also while the client does not take sent bytes: it may be writing itself.
            let _ = self.poll_send(cx)?;
            ready!(self.poll_receive(cx, 0))?;
        }
    }

    /// Reads from the socket, or the error that says why there is nothing to read. Little more than is `wanted`: what is decrypted
    /// and not asked for has to be kept.
    fn poll_receive(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<io::Result<()>> {
        let most = wanted.max(RECORD) + AROUND;
        match ready!(self.incoming.poll_fill(cx, &mut self.io, &self.buffers, most))? {
            0 => Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "ended without a TLS close_notify"))),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Whether the queued bytes go out with the answer that is due. With TLS 1.2 the client may be waiting for them.
    fn can_wait(&self) -> bool {
        self.due.only_own && self.due.answer && self.tls.is_tls13()
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.poll_drain(cx, &mut self.io, &self.buffers)
    }
}

impl<S: Readable + AsyncWrite + Unpin> AsyncRead for TlsSession<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        loop {
            if !this.text.is_empty() {
                let length = buf.remaining().min(this.text.bytes().len());
                buf.put_slice(&this.text.bytes()[..length]);
                this.text.consume(length);
                this.text.settle(&this.buffers);
                this.due.answer = true;
                return Poll::Ready(Ok(()));
            }
            if this.broken || (!this.incoming.is_empty() && !this.over) {
                let processed = this.process(buf, &SessionStep::Read);
                if buf.filled().len() > before {
                    // The bytes come first: the next read returns the error.
                    if this.incoming.is_empty() {
                        this.incoming.settle(&this.buffers);
                    }
                    this.due.answer = true;
                    return Poll::Ready(Ok(()));
                }
                if let Err(error) = processed {
                    let _ = this.poll_send(cx);
                    return Poll::Ready(Err(error));
                }
            }
            if this.over {
                // Bytes after a close_notify have no meaning (RFC 8446 §6.1).
                this.incoming = Chunk::default();
                return Poll::Ready(Ok(()));
            }
            let received = this.poll_receive(cx, buf.remaining());
            if received.is_pending() && !this.outgoing.is_empty() && !this.can_wait() {
                // No write may follow that would take the messages of rustls along.
                let _ = this.poll_send(cx)?;
            }
            ready!(received)?;
        }
    }
}

impl<S: Readable + AsyncWrite + Unpin> Readable for TlsSession<S> {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let nothing_here = self.text.is_empty() && self.incoming.is_empty() && !self.over && !self.broken;
        // The reader sends the queued bytes, so it must be called while there are any.
        if nothing_here && self.outgoing.is_empty() { self.io.poll_readable(cx) } else { Poll::Ready(Ok(())) }
    }

    fn settle(&mut self) {
        // Mostly a part of a record.
        self.incoming.settle(&self.buffers);
        self.text.settle(&self.buffers);
    }
}

impl<S: Readable + AsyncWrite + Unpin> AsyncWrite for TlsSession<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, text: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        // The bytes of earlier writes go first, unless they are short and go out with this one.
        if this.outgoing.bytes().len() > SHORT {
            ready!(this.poll_send(cx))?;
        }
        let text = &text[..text.len().min(TEXT)];
        this.due.answer = false;
        this.process(&mut ReadBuf::new(&mut []), &SessionStep::Write(text))?;
        // A short output waits for the flush, or for the next write: the last data goes out together with the
        // close_notify.
        if this.outgoing.bytes().len() <= SHORT {
            return Poll::Ready(Ok(text.len()));
        }
        // The bytes that the socket does not take are kept, and sent by the next write, flush or read.
        match this.poll_send(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(text.len())),
        }
    }

    /// As one run of text: a record for each of many small pieces would cost more than the copy.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut some = pieces.iter().filter(|piece| !piece.is_empty());
        match (some.next(), some.next()) {
            (None, _) => Poll::Ready(Ok(0)),
            (Some(only), None) => self.poll_write(cx, only),
            (Some(_), Some(_)) => {
                let buffers = Arc::clone(&self.buffers);
                let mut joined = Chunk::default();
                for piece in pieces {
                    let room = joined.room(&buffers);
                    let length = room.len().min(piece.len());
                    room[..length].copy_from_slice(&piece[..length]);
                    joined.filled(length);
                }
                let written = self.poll_write(cx, joined.bytes());
                joined.consume(joined.bytes().len());
                joined.settle(&buffers);
                written
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.can_wait() {
            ready!(this.poll_send(cx))?;
        }
        Pin::new(&mut this.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.closed {
            if this.outgoing.bytes().len() > SHORT {
                ready!(this.poll_send(cx))?;
            }
            this.closed = true;
            this.process(&mut ReadBuf::new(&mut []), &SessionStep::Close)?;
        }
        ready!(this.poll_send(cx))?;
        match ready!(Pin::new(&mut this.io).poll_shutdown(cx)) {
            // The client closed the connection first.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            other => Poll::Ready(other),
        }
    }
}

impl<S: std::fmt::Debug> std::fmt::Debug for TlsSession<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("io", &self.io).finish_non_exhaustive()
    }
}

fn keep(text: &mut Chunk, buffers: &BufferPool, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    let room = text.room(buffers);
    room.get_mut(..bytes.len()).ok_or(io::ErrorKind::StorageFull)?.copy_from_slice(bytes);
    text.filled(bytes.len());
    Ok(())
}

/// As much text as one TLS record has at most (RFC 8446 §5.1).
const RECORD: usize = 16 * 1024;
/// What TLS puts around [`TEXT`].
const AROUND: usize = SIZE - TEXT;
/// Bytes of the messages that rustls sends by itself while data flows: a key update, tickets, an alert. As much fits
/// into a buffer beside [`TEXT`].
const SHORT: usize = 768;

#[cfg(test)]
mod tests;
