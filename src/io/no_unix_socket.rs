//! The names of unix sockets on a system where frontgate has none: no value of these types can be made.

use std::io::{self, IoSlice};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};

/// A stream that a runtime watches.
#[derive(Debug)]
pub(crate) enum UnixStream {}

/// A stream that no runtime watches.
#[derive(Debug)]
pub(crate) enum StdUnixStream {}

/// A socket that clients would connect to.
#[derive(Debug)]
pub(crate) enum UnixListener {}

impl UnixStream {
    /// # Errors
    /// Always.
    #[expect(clippy::unused_async, reason = "elsewhere it waits for the peer")]
    pub(crate) async fn connect(_: &Path) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn poll_read_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }

    #[expect(clippy::unused_async, reason = "elsewhere it waits for the kernel")]
    pub(crate) async fn ready(&self, _: Interest) -> io::Result<Ready> {
        match *self {}
    }

    pub(crate) fn into_std(self) -> io::Result<StdUnixStream> {
        match self {}
    }
}

impl TryFrom<StdUnixStream> for UnixStream {
    type Error = io::Error;

    fn try_from(stream: StdUnixStream) -> io::Result<Self> {
        match stream {}
    }
}

impl UnixListener {
    #[expect(clippy::unused_async, reason = "elsewhere it waits for a client")]
    pub(crate) async fn accept(&self) -> io::Result<(UnixStream, ())> {
        match *self {}
    }
}

impl AsyncRead for UnixStream {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }
}

impl AsyncWrite for UnixStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match *self {}
    }

    fn poll_write_vectored(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match *self {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }
}
