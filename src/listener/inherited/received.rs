//! How a listening socket of another process becomes one of ours.

use std::os::fd::OwnedFd;
use std::{env, io, process};

use listenfd::ListenFd;
use socket2::{Socket, Type};

use super::super::find_dead_peer;
use super::super::label::SocketLabel;
use super::super::unsent::limit_unsent;
use super::InheritedSockets;
use crate::config::BindAddr;

impl InheritedSockets {
    /// The sockets that systemd passes (`sd_listen_fds(3)`); none without it.
    ///
    /// Call this before anything else opens a file or starts a thread: the environment says which descriptors they are,
    /// and the crate that makes owned sockets of them takes its variables out.
    ///
    /// # Errors
    /// If there is something else among them, such as a datagram socket.
    pub(crate) fn from_systemd() -> io::Result<Self> {
        // Without this check, variables that were meant for another process would be believed.
        let own = process::id().to_string();
        if env::var("LISTEN_PID").ok() != Some(own) {
            return Ok(Self::default());
        }
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':').map(SocketLabel::parse);
        let mut fds = ListenFd::from_env();
        let mut sockets = Self::default();
        for index in 0..fds.len() {
            let name = names.next().flatten();
            let socket = match fds.take_unix_listener(index) {
                Ok(socket) => socket.map(OwnedFd::from),
                Err(_) => fds.take_tcp_listener(index)?.map(OwnedFd::from),
            };
            sockets.add(name, socket.ok_or(io::ErrorKind::NotFound)?)?;
        }
        Ok(sockets)
    }

    /// Adds a socket; without a label it stands for the address that it is bound to.
    ///
    /// # Errors
    /// If it is no listening stream socket.
    pub(crate) fn add(&mut self, label: Option<SocketLabel>, fd: OwnedFd) -> io::Result<()> {
        let socket = Socket::from(fd);
        if socket.r#type()? != Type::STREAM || !rustix::net::sockopt::socket_acceptconn(&socket)? {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "an inherited socket does not listen for streams"));
        }
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let tcp = address.as_socket().map(BindAddr::Tcp);
        if tcp.is_some() {
            find_dead_peer(&socket)?;
            limit_unsent(&socket)?;
        }
        let bound = tcp.or_else(|| address.as_pathname().map(|path| BindAddr::Unix(path.to_owned())));
        let Some(label) = label.or(bound.map(SocketLabel::Address)) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "an inherited socket has no address"));
        };
        self.0.push((label, socket));
        Ok(())
    }

    /// Adds a socket like [`InheritedSockets::add`], with its label as text.
    ///
    /// # Errors
    /// Also if `label` is no label.
    pub(crate) fn add_labelled(&mut self, label: &str, fd: OwnedFd) -> io::Result<()> {
        let label = SocketLabel::parse(label).ok_or(io::ErrorKind::InvalidData)?;
        self.add(Some(label), fd)
    }
}
