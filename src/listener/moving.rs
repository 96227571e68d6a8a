//! [`Moving`]: a socket on its way to the thread that serves it.

use std::io;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use super::Socket;

/// A socket on its way to the thread that serves it. The runtime there watches it from its arrival on, and no other one.
#[derive(Debug)]
pub struct Moving(Is);

#[derive(Debug)]
enum Is {
    Watched(Socket),
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Moving {
    /// It stays where it is.
    pub fn staying(socket: Socket) -> Self {
        Self(Is::Watched(socket))
    }

    /// It leaves the runtime that watches it.
    ///
    /// # Errors
    /// The kernel does not let it go.
    pub fn leaving(socket: Socket) -> io::Result<Self> {
        Ok(Self(match socket {
            Socket::Tcp(stream) => Is::Tcp(stream.into_std()?),
            Socket::Unix(stream) => Is::Unix(stream.into_std()?),
        }))
    }

    /// It is where this is called.
    ///
    /// # Errors
    /// The kernel can watch no more.
    pub fn arrive(self) -> io::Result<Socket> {
        Ok(match self.0 {
            Is::Watched(socket) => socket,
            Is::Tcp(stream) => Socket::Tcp(stream.try_into()?),
            Is::Unix(stream) => Socket::Unix(stream.try_into()?),
        })
    }
}
