//! The files of `src/tls/session` as they are, except the one that stands on rustls's interface.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::rustls_records::RustlsRecords;
use self::tls_session::TlsSession;
use crate::io::{BufferPool, Chunk, Readable};

#[path = "../../../src/tls/session/records.rs"]
mod records;
mod rustls_records;
#[path = "../../../src/tls/session/tls_session.rs"]
mod tls_session;

/// A client's connection after its handshake.
pub struct Session<S>(TlsSession<Stream<S>>);

/// Shakes hands with a client.
///
/// # Errors
/// The connection ended, or the two sides do not agree; then the client has been sent an alert.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    io: S,
    config: Arc<ServerConfig>,
) -> io::Result<Session<S>> {
    let records = RustlsRecords::new(config)?;
    let mut session = TlsSession::new(Stream(io), records, Chunk::default(), Arc::new(BufferPool::new()));
    poll_fn(|cx| session.poll_handshake(cx)).await?;
    Ok(Session(session))
}

impl<S> Session<S> {
    /// The negotiated parameters.
    pub fn agreed(&self) -> &rustls::CommonState {
        self.0.agreed()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Session<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Session<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// A stream that cannot say whether there is something to be read.
struct Stream<S>(S);

impl<S: AsyncRead + Unpin> Readable for Stream<S> {}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
