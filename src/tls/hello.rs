//! [`Hello`]: a client that has said hello and waits for the server to go on.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{Accepted, Acceptor, ClientHello, UnbufferedServerConnection};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::session::Session;
use crate::listener::{Buffers, Chunk, Readable};

/// A client that has said hello and waits for the server to go on. What it said decides with which settings.
pub struct Hello<S> {
    io: S,
    accepted: Box<Accepted>,
    incoming: Chunk,
    buffers: Arc<Buffers>,
}

impl<S: Readable + AsyncWrite + Unpin> Hello<S> {
    /// Waits for all of the hello.
    ///
    /// # Errors
    /// The connection ended before, or this is no TLS; then the client has been told.
    pub async fn read(mut io: S, buffers: Arc<Buffers>) -> io::Result<Self> {
        let (mut acceptor, mut incoming, mut seen) = (Box::new(Acceptor::default()), Chunk::default(), 0);
        loop {
            let fill = poll_fn(|cx| incoming.poll_fill(cx, &mut io, &buffers, usize::MAX));
            if fill.await? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "ended before its TLS hello"));
            }
            // Only looked at here: the session begins with the same bytes.
            let mut fresh = &incoming.bytes()[seen..];
            while !fresh.is_empty() {
                acceptor.read_tls(&mut fresh)?;
                match acceptor.accept() {
                    Ok(None) => {}
                    Ok(Some(accepted)) => return Ok(Self { io, accepted: Box::new(accepted), incoming, buffers }),
                    Err((error, mut alert)) => {
                        let mut bytes = Vec::new();
                        alert.write_all(&mut bytes)?;
                        // It may have gone already; why it is refused matters more.
                        let _ = io.write_all(&bytes).await;
                        return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                    }
                }
            }
            seen = incoming.bytes().len();
        }
    }

    /// What it said.
    pub fn said(&self) -> ClientHello<'_> {
        self.accepted.client_hello()
    }

    /// What it said that over.
    pub fn io(&self) -> &S {
        &self.io
    }

    /// Goes on with these settings, to the end of the handshake.
    ///
    /// # Errors
    /// The connection ended, or the two do not agree; then the client has been told.
    pub async fn answer(self, config: Arc<ServerConfig>) -> io::Result<Box<Session<S>>> {
        let Self { io, accepted, incoming, buffers } = self;
        drop(accepted);
        let tls = UnbufferedServerConnection::new(config).map_err(io::Error::other)?;
        let mut session = Box::new(Session::new(io, tls, incoming, buffers));
        poll_fn(|cx| session.poll_handshake(cx)).await?;
        Ok(session)
    }
}
