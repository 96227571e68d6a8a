//! [`TlsSession`]: the TLS of a client's connection once hands are shaken.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::ProtocolVersion;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::io::{BufferPool, Chunk, Readable, SIZE, TEXT};

/// The TLS of a client's connection, over rustls's unbuffered interface: the buffers are ours to borrow and to give back. A
/// session of tokio-rustls keeps 4 KiB to read into for as long as it lives, and reads no more than that at once, while an idle
/// one of these keeps nothing, and a busy one reads and writes three full records with one system call. One task reads and
/// writes: either may send what waits to be sent.
pub struct TlsSession<S> {
    io: S,
    tls: UnbufferedServerConnection,
    buffers: Arc<BufferPool>,
    /// What came and is not decrypted.
    incoming: Chunk,
    /// What is encrypted and not sent.
    outgoing: Chunk,
    /// What is decrypted and was not asked for.
    text: Chunk,
    due: DueOutput,
    /// The client has said that it sends no more.
    over: bool,
    /// We have said that we send no more.
    closed: bool,
    /// The client broke the protocol: there is nothing left to be said or heard.
    broken: bool,
}

/// What is to be sent.
#[derive(Default)]
struct DueOutput {
    /// All that waits is what rustls has to say by itself.
    only_own: bool,
    /// The client has said something, and nothing was written since.
    answer: bool,
}

impl<S> TlsSession<S> {
    /// A session that has not shaken hands yet, with the bytes that came already.
    pub(in crate::tls) fn new(
        io: S,
        tls: UnbufferedServerConnection,
        incoming: Chunk,
        buffers: Arc<BufferPool>,
    ) -> Self {
        let (outgoing, text) = (Chunk::default(), Chunk::default());
        let due = DueOutput::default();
        Self { io, tls, buffers, incoming, outgoing, text, due, over: false, closed: false, broken: false }
    }

    /// What was agreed on.
    pub fn agreed(&self) -> &rustls::CommonState {
        &self.tls
    }

    /// What it runs over.
    pub fn io(&self) -> &S {
        &self.io
    }

    /// Encrypted bytes that the kernel does not have yet.
    pub fn unsent(&self) -> usize {
        self.outgoing.bytes().len()
    }

    /// Decrypts what came, as far as it is complete and `buf` has room, and then does what is `next`.
    fn process(&mut self, buf: &mut ReadBuf<'_>, next: &SessionStep<'_>) -> io::Result<()> {
        if self.broken {
            return Err(io::ErrorKind::InvalidData.into());
        }
        loop {
            let status = self.tls.process_tls_records(self.incoming.bytes_mut());
            let mut discard = status.discard;
            let mut failed = None;
            let (mut proceed, mut got_some) = (true, false);
            match status.state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(invalid)?;
                        discard += record.discard;
                        let fits = if self.text.is_empty() { buf.remaining().min(record.payload.len()) } else { 0 };
                        buf.put_slice(&record.payload[..fits]);
                        keep(&mut self.text, &self.buffers, &record.payload[fits..])?;
                    }
                    got_some = true;
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    self.due.only_own |= self.outgoing.is_empty();
                    let encoded = data.encode(self.outgoing.room(&self.buffers));
                    self.outgoing.filled(encoded.map_err(full)?);
                }
                // It goes before everything that follows, which is all that is asked for.
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.over = true,
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    proceed = false;
                    self.due.only_own &= matches!(next, SessionStep::Read);
                    match next {
                        SessionStep::Read => {}
                        SessionStep::Write(text) => {
                            let written =
                                traffic.encrypt(text, self.outgoing.room(&self.buffers)).map_err(exhausted)?;
                            self.outgoing.filled(written);
                        }
                        SessionStep::Close => {
                            let written =
                                traffic.queue_close_notify(self.outgoing.room(&self.buffers)).map_err(exhausted)?;
                            self.outgoing.filled(written);
                        }
                    }
                }
                Ok(_) if matches!(next, SessionStep::Write(_)) => return Err(io::ErrorKind::BrokenPipe.into()),
                Ok(ConnectionState::BlockedHandshake | ConnectionState::Closed) => proceed = false,
                Ok(_) => return Err(io::ErrorKind::Unsupported.into()),
                Err(error) => failed = Some(error),
            }
            self.incoming.consume(discard);
            if let Some(error) = failed {
                // The alert that tells the client why. Without one, asking again would mean to decrypt again.
                while self.tls.wants_write()
                    && let Ok(ConnectionState::EncodeTlsData(mut alert)) =
                        self.tls.process_tls_records(self.incoming.bytes_mut()).state
                {
                    let encoded = alert.encode(self.outgoing.room(&self.buffers));
                    self.outgoing.filled(encoded.map_err(full)?);
                }
                self.broken = true;
                return Err(invalid(error));
            }
            // A reader has enough when more would only have to be kept, or is not there. Who wants to write has to go on.
            let nothing_left = self.incoming.is_empty() && !self.tls.wants_write();
            let has_enough = got_some && matches!(next, SessionStep::Read) && (buf.remaining() == 0 || nothing_left);
            if !proceed || has_enough {
                return Ok(());
            }
        }
    }
}

/// What is to be done once everything that came is dealt with.
enum SessionStep<'a> {
    Read,
    Write(&'a [u8]),
    Close,
}

impl<S: Readable + AsyncWrite + Unpin> TlsSession<S> {
    /// Shakes hands. What the server has to say at the end (tickets) goes out with whatever is written first, or when the client
    /// is waited for and has not asked for anything: that saves a system call and a packet for each connection.
    pub(in crate::tls) fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut nothing = ReadBuf::new(&mut []);
            if let Err(error) = self.process(&mut nothing, &SessionStep::Read) {
                let _ = self.poll_send(cx);
                return Poll::Ready(Err(error));
            }
            if !self.tls.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            // Reads also while the client does not take what is sent: it may be writing itself.
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

    /// Whether what is to be sent goes out with the answer that is due. With TLS 1.2 the client may be waiting for it.
    fn can_wait(&self) -> bool {
        self.due.only_own && self.due.answer && self.tls.protocol_version() == Some(ProtocolVersion::TLSv1_3)
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
                    // An error comes again the next time.
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
                // What follows a close_notify means nothing (RFC 8446 §6.1).
                this.incoming = Chunk::default();
                return Poll::Ready(Ok(()));
            }
            let received = this.poll_receive(cx, buf.remaining());
            if received.is_pending() && !this.outgoing.is_empty() && !this.can_wait() {
                // Nobody else may come for what rustls itself had to say.
                let _ = this.poll_send(cx)?;
            }
            ready!(received)?;
        }
    }
}

impl<S: Readable + AsyncWrite + Unpin> Readable for TlsSession<S> {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let nothing_here = self.text.is_empty() && self.incoming.is_empty() && !self.over && !self.broken;
        // What waits to be sent is sent by whoever reads.
        if nothing_here && self.outgoing.is_empty() { self.io.poll_readable(cx) } else { Poll::Ready(Ok(())) }
    }

    fn settle(&mut self) {
        // A part of a record, mostly.
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
        // What is left from before, unless it is short and goes out with this.
        if this.outgoing.bytes().len() > SHORT {
            ready!(this.poll_send(cx))?;
        }
        let text = &text[..text.len().min(TEXT)];
        this.due.answer = false;
        this.process(&mut ReadBuf::new(&mut []), &SessionStep::Write(text))?;
        // What is short waits for the flush, or for what follows: a last word goes out with the end.
        if this.outgoing.bytes().len() <= SHORT {
            return Poll::Ready(Ok(text.len()));
        }
        // What the socket does not take is kept, and asked for again by whoever writes, flushes or reads.
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
            // The client was faster.
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

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn full(error: EncodeError) -> io::Error {
    io::Error::other(error)
}

fn exhausted(error: EncryptError) -> io::Error {
    io::Error::other(error)
}

/// As much text as one TLS record has at most (RFC 8446 §5.1).
const RECORD: usize = 16 * 1024;
/// What TLS puts around [`TEXT`].
const AROUND: usize = SIZE - TEXT;
/// What rustls has to say by itself while data flows: a key update, tickets, an alert. As much fits into a buffer beside
/// [`TEXT`].
const SHORT: usize = 768;

#[cfg(test)]
mod tests;
