//! [`PendingHello`]: a client that has sent its `ClientHello` and waits for the server to go on.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{Accepted, Acceptor, ClientHello, UnbufferedServerConnection};
use tokio::io::{AsyncWrite, AsyncWriteExt};

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
    /// The connection ended before, or the bytes are not TLS; then the client has been sent an alert.
    pub(crate) async fn read(mut io: S, buffers: Arc<BufferPool>) -> io::Result<Self> {
        let (mut acceptor, mut incoming, mut seen) = (Box::new(Acceptor::default()), Chunk::default(), 0);
        loop {
            let fill = poll_fn(|cx| incoming.poll_fill(cx, &mut io, &buffers, usize::MAX));
            if fill.await? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "ended before its TLS hello"));
            }
            // Only parsed here: the session begins with the same bytes.
            let mut fresh = &incoming.bytes()[seen..];
            while !fresh.is_empty() {
                acceptor.read_tls(&mut fresh)?;
                match acceptor.accept() {
                    Ok(None) => {}
                    Ok(Some(accepted)) => return Ok(Self { io, accepted: Box::new(accepted), incoming, buffers }),
                    Err((error, mut alert)) => {
                        let mut bytes = Vec::new();
                        alert.write_all(&mut bytes)?;
                        // The peer may have gone already; the reason for the refusal matters more than this failure.
                        let _ = io.write_all(&bytes).await;
                        return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                    }
                }
            }
            seen = incoming.bytes().len();
            if seen > LONGEST {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a TLS hello longer than any client's"));
            }
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
        let tls = UnbufferedServerConnection::new(config).map_err(io::Error::other)?;
        let mut session = Box::new(TlsSession::new(io, tls, incoming, buffers));
        poll_fn(|cx| session.poll_handshake(cx)).await?;
        Ok(session)
    }
}

/// Bytes of a hello. One with post-quantum keys, tickets and all that browsers add has 2 to 5 KiB; each that is not
/// complete is kept twice until the handshake's time is over.
const LONGEST: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hello_that_goes_on_and_on_is_refused_before_it_fills_a_buffer() {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        // A ClientHello of 65,535 bytes, in records of 4 KiB (RFC 8446 §4, §5.1).
        let mut message = vec![1, 0, 0xFF, 0xFF, 3, 3];
        message.resize(64 * 1024, 7);
        for record in message.chunks(4096) {
            client.write_all(&[22, 3, 1, 0x10, 0]).await.unwrap();
            client.write_all(record).await.unwrap();
        }
        let refused = PendingHello::read(server, Arc::new(BufferPool::new())).await.err().unwrap();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{refused}");
    }
}
