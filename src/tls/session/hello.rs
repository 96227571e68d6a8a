//! [`PendingHello`]: a client that has sent its `ClientHello` and waits for the server to go on.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{Accepted, Acceptor, ClientHello};
use tokio::io::AsyncWrite;

use super::refusal::{Refusal, linger};
use super::rustls_records::RustlsRecords;
use super::tls_session::TlsSession;
use crate::io::{BufferPool, Chunk, Readable};

/// A client that has sent its `ClientHello` and waits for the server to go on. The hello decides the settings.
pub(crate) struct PendingHello<S> {
    io: S,
    accepted: Box<Accepted>,
    incoming: Chunk,
    buffers: Arc<BufferPool>,
}

impl<S: Readable + AsyncWrite + Unpin> PendingHello<S> {
    /// Reads until the `ClientHello` is complete.
    ///
    /// # Errors
    /// The connection ended before, or the bytes are no `ClientHello`; then the client has been sent an alert.
    pub(crate) async fn read(mut io: S, buffers: Arc<BufferPool>) -> io::Result<Self> {
        match accept(&mut io, &buffers).await {
            Ok((accepted, incoming)) => Ok(Self { io, accepted, incoming, buffers }),
            Err(refusal) => Err(refusal.end(io).await),
        }
    }

    /// The `ClientHello`.
    pub(crate) fn said(&self) -> ClientHello<'_> {
        self.accepted.client_hello()
    }

    /// The stream that the hello came over.
    pub(crate) fn io(&self) -> &S {
        &self.io
    }

    /// Continues the handshake with these settings, to its end.
    ///
    /// # Errors
    /// The connection ended, or the two sides do not agree; then the client has been sent an alert.
    pub(crate) async fn answer(self, config: Arc<ServerConfig>) -> io::Result<Box<TlsSession<S>>> {
        let Self { io, accepted, incoming, buffers } = self;
        drop(accepted);
        let mut session = Box::new(TlsSession::new(io, RustlsRecords::new(config)?, incoming, buffers));
        if let Err(error) = poll_fn(|cx| session.poll_handshake(cx)).await {
            if error.kind() == io::ErrorKind::InvalidData {
                linger(session.io_mut()).await;
            }
            return Err(error);
        }
        Ok(session)
    }
}

/// The `ClientHello`, and the bytes that it came in: it is only parsed here, and the session begins with the same bytes.
async fn accept<S: Readable + Unpin>(io: &mut S, buffers: &BufferPool) -> Result<(Box<Accepted>, Chunk), Refusal> {
    let (mut acceptor, mut incoming, mut seen) = (Box::new(Acceptor::default()), Chunk::default(), 0);
    while seen <= LONGEST {
        let most = LONGEST + 1 - seen;
        if poll_fn(|cx| incoming.poll_fill(cx, io, buffers, most)).await? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "ended before its TLS hello").into());
        }
        let mut fresh = &incoming.bytes()[seen..];
        while !fresh.is_empty() {
            if acceptor.read_tls(&mut fresh)? == 0 {
                return Err(Refusal::too_long());
            }
            match acceptor.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => return Ok((Box::new(accepted), incoming)),
                Err((error, alert)) => return Err(Refusal::by_acceptor(error, alert)),
            }
        }
        seen = incoming.bytes().len();
    }
    Err(Refusal::too_long())
}

/// Bytes of a hello. One with post-quantum keys, tickets and all that browsers add has 2 to 5 KiB; each that is not
/// complete is kept twice until the handshake's time is over.
const LONGEST: usize = 16 * 1024;

#[cfg(test)]
mod tests;
