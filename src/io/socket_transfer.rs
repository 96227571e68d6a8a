//! [`SocketTransfer`]: a socket on its way to the thread that serves it.

use std::io;
use std::net::TcpStream;

use super::StreamSocket;
use super::unix_socket::StdUnixStream;

/// A socket on its way to the thread that serves it. From its arrival on, the runtime of that thread watches it, and no
/// other one.
#[derive(Debug)]
pub(crate) struct SocketTransfer(Is);

#[derive(Debug)]
enum Is {
    Watched(StreamSocket),
    Tcp(TcpStream),
    Unix(StdUnixStream),
}

impl SocketTransfer {
    /// A socket that stays with the runtime that watches it.
    pub(crate) fn staying(socket: StreamSocket) -> Self {
        Self(Is::Watched(socket))
    }

    /// Takes the socket away from the runtime that watches it.
    ///
    /// # Errors
    /// If the kernel does not let the socket go.
    pub(crate) fn leaving(socket: StreamSocket) -> io::Result<Self> {
        Ok(Self(match socket {
            StreamSocket::Tcp(stream) => Is::Tcp(stream.into_std()?),
            StreamSocket::Unix(stream) => Is::Unix(stream.into_std()?),
        }))
    }

    /// Hands the socket to the runtime of the calling thread.
    ///
    /// # Errors
    /// If the kernel can watch no more sockets.
    pub(crate) fn arrive(self) -> io::Result<StreamSocket> {
        Ok(match self.0 {
            Is::Watched(socket) => socket,
            Is::Tcp(stream) => StreamSocket::Tcp(stream.try_into()?),
            Is::Unix(stream) => StreamSocket::Unix(stream.try_into()?),
        })
    }
}
