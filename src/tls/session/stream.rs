//! [`ByteStream`]: a byte stream to a client or to the gateway, encrypted or not.

use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client;

use super::tls_session::TlsSession;
use crate::io::{Readable, StreamSocket};

/// A byte stream to a client or to the gateway, encrypted or not. The sessions are boxed: they are many times the size
/// of a socket.
#[derive(Debug)]
pub(crate) enum ByteStream {
    /// Without TLS, straight from the kernel.
    Plain(StreamSocket),
    /// frontgate is the TLS server.
    Server(Box<TlsSession<StreamSocket>>),
    /// frontgate is the TLS client.
    Client(Box<client::TlsStream<StreamSocket>>),
}

impl ByteStream {
    /// The local IP address; `None` on a unix socket.
    pub(crate) fn local_ip(&self) -> Option<IpAddr> {
        self.socket().local_ip()
    }

    /// How many bytes were accepted by this stream and not by the kernel yet.
    pub(crate) fn unsent(&self) -> usize {
        if let Self::Server(session) = self { session.unsent() } else { 0 }
    }

    fn socket(&self) -> &StreamSocket {
        match self {
            Self::Plain(socket) => socket,
            Self::Server(stream) => stream.io(),
            Self::Client(stream) => stream.get_ref().0,
        }
    }
}

macro_rules! each {
    ($stream:expr, $io:ident => $call:expr) => {
        match $stream.get_mut() {
            ByteStream::Plain($io) => $call,
            ByteStream::Server($io) => $call,
            ByteStream::Client($io) => $call,
        }
    };
}

impl AsyncRead for ByteStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_read(cx, buf))
    }
}

impl Readable for ByteStream {
    fn has_ended(&self) -> bool {
        self.socket().has_ended()
    }

    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(io) => io.poll_readable(cx),
            Self::Server(io) => io.poll_readable(cx),
            // tokio-rustls does not tell whether decrypted bytes are left, so the next read must find out.
            Self::Client(_) => Poll::Ready(Ok(())),
        }
    }

    fn settle(&mut self) {
        if let Self::Server(session) = self {
            session.settle();
        }
    }
}

impl AsyncWrite for ByteStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        each!(self, io => Pin::new(io).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, io => Pin::new(io).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_shutdown(cx))
    }
}
