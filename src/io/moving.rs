//! [`Moving`]: a socket on its way to the thread that serves it.

use std::io;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use super::StreamSocket;

/// A socket on its way to the thread that serves it. The runtime there watches it from its arrival on, and no other one.
#[derive(Debug)]
pub struct Moving(Is);

#[derive(Debug)]
enum Is {
    Watched(StreamSocket),
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Moving {
    /// It stays where it is.
    pub fn staying(socket: StreamSocket) -> Self {
        Self(Is::Watched(socket))
    }

    /// It leaves the runtime that watches it.
    ///
    /// # Errors
    /// The kernel does not let it go.
    pub fn leaving(socket: StreamSocket) -> io::Result<Self> {
        Ok(Self(match socket {
            StreamSocket::Tcp(stream) => Is::Tcp(stream.into_std()?),
            StreamSocket::Unix(stream) => Is::Unix(stream.into_std()?),
        }))
    }

    /// It is where this is called.
    ///
    /// # Errors
    /// The kernel can watch no more.
    pub fn arrive(self) -> io::Result<StreamSocket> {
        Ok(match self.0 {
            Is::Watched(socket) => socket,
            Is::Tcp(stream) => StreamSocket::Tcp(stream.try_into()?),
            Is::Unix(stream) => StreamSocket::Unix(stream.try_into()?),
        })
    }
}
