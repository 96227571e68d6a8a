//! [`Reserved`]: the address of a gateway that does not run yet.

use std::net::SocketAddr;

use frontgate::config::UpstreamAddress;
use tokio::net::{TcpListener, TcpSocket};

/// A port that is bound, so that no other program gets it, and refuses connections, since no program listens.
pub(crate) struct Reserved {
    socket: TcpSocket,
    pub(crate) address: SocketAddr,
}

impl Reserved {
    pub(crate) fn new() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap())
    }

    /// An address at which a program has listened before.
    pub(crate) fn at(address: SocketAddr) -> Self {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let address = socket.local_addr().unwrap();
        Self { socket, address }
    }

    pub(crate) fn upstream(&self) -> UpstreamAddress {
        UpstreamAddress::Http { host: self.address.ip().to_string(), port: self.address.port() }
    }

    /// The gateway starts.
    pub(crate) fn listen(self) -> TcpListener {
        self.socket.listen(1024).unwrap()
    }
}
