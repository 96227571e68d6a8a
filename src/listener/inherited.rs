//! [`InheritedSockets`]: sockets that another process has bound for us: systemd, or the process that we take over from.

#[cfg(target_os = "linux")]
mod received;

use std::{io, net};

use socket2::Socket;

use super::bind::{BindError, Listener};
use super::label::{ListenerPurpose, SocketLabel};
use super::unix_socket;
use crate::config::{BindAddr, ListenAt, UnixAccess};

/// Listening sockets that another process has bound for us, until a key of the configuration takes them.
#[derive(Debug, Default)]
pub struct InheritedSockets(Vec<(SocketLabel, Socket)>);

impl InheritedSockets {
    /// The listeners for a key with these addresses, each with its label: inherited sockets where there are any, else
    /// freshly bound ones. Sockets that are named like the key stand for all of it. The file of an inherited unix
    /// socket keeps its permissions unless the configuration asks for others.
    ///
    /// # Errors
    /// If an address cannot be bound.
    pub(crate) fn take(
        &mut self,
        purpose: ListenerPurpose,
        wanted: &[ListenAt],
    ) -> Result<Vec<(SocketLabel, Listener)>, BindError> {
        let mut named = Vec::new();
        while let Some(listener) = self.remove(&SocketLabel::Key(purpose))? {
            named.push((SocketLabel::Key(purpose), listener));
        }
        if !named.is_empty() {
            return Ok(named);
        }
        let take = |wanted: &ListenAt| {
            let label = SocketLabel::Address(wanted.address.clone());
            let listener = match self.remove(&label)? {
                Some(listener) => {
                    if let (BindAddr::Unix(path), true) = (&wanted.address, wanted.access != UnixAccess::default()) {
                        let refused = |error| BindError::new(label.to_string(), error);
                        unix_socket::permit(path, &wanted.access).map_err(refused)?;
                    }
                    listener
                }
                None => Listener::bind_as(wanted)?,
            };
            Ok((label, listener))
        };
        wanted.iter().map(take).collect()
    }

    /// Closes the sockets that none of these keys will take, and says so; before addresses are bound, since one may be
    /// in the way.
    pub(crate) fn close_unwanted<'a>(&mut self, keys: impl IntoIterator<Item = (ListenerPurpose, &'a [ListenAt])>) {
        let keys: Vec<_> = keys.into_iter().collect();
        self.0.retain(|(label, _)| {
            let wanted = keys.iter().any(|(purpose, addresses)| match label {
                // A key without an address is off.
                SocketLabel::Key(key) => key == purpose && !addresses.is_empty(),
                SocketLabel::Address(address) => addresses.iter().any(|wanted| wanted.address == *address),
            });
            if !wanted {
                tracing::warn!(socket = %label, "closing an inherited socket that nothing in the configuration asks for");
            }
            wanted
        });
    }

    fn remove(&mut self, label: &SocketLabel) -> Result<Option<Listener>, BindError> {
        let Some(index) = self.0.iter().position(|(of, _)| of == label) else { return Ok(None) };
        let (label, socket) = self.0.remove(index);
        listener(socket).map(Some).map_err(|error| BindError::new(label.to_string(), error))
    }
}

/// Linux alone has what passes sockets on.
#[cfg(not(target_os = "linux"))]
impl InheritedSockets {
    /// None.
    pub(crate) fn from_systemd() -> io::Result<Self> {
        Ok(Self::default())
    }
}

fn listener(socket: Socket) -> io::Result<Listener> {
    if socket.local_addr()?.is_unix() {
        return unix_socket::listener(socket).map(Listener::from);
    }
    tokio::net::TcpListener::from_std(net::TcpListener::from(socket)).map(Listener::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(label: &str) -> (InheritedSockets, std::net::SocketAddr) {
        let socket = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let mut inherited = InheritedSockets::default();
        let label = if label.is_empty() { None } else { Some(SocketLabel::parse(label).unwrap()) };
        inherited.add(label, socket.into()).unwrap();
        (inherited, address)
    }

    fn any() -> ListenAt {
        BindAddr::Tcp("127.0.0.1:0".parse().unwrap()).into()
    }

    #[tokio::test]
    async fn a_socket_serves_the_key_it_is_named_for_or_a_key_that_asks_for_its_address() {
        for (label, purpose) in [("https", ListenerPurpose::Https), ("127.0.0.1:0", ListenerPurpose::Http)] {
            let (mut inherited, address) = tcp(label);
            let got = inherited.take(purpose, &[any()]).unwrap();
            assert_eq!(got[0].1.address(), Some(address), "{label}");
            assert_eq!((got.len(), got[0].0.to_string().as_str()), (1, label));
            // The socket is taken once; the next call binds.
            assert_ne!(inherited.take(purpose, &[any()]).unwrap()[0].1.address(), Some(address));
        }
        let (mut inherited, address) = tcp("");
        assert!(inherited.take(ListenerPurpose::Https, &[]).unwrap().is_empty());
        let wanted = BindAddr::Tcp(address);
        assert_eq!(inherited.take(ListenerPurpose::Admin, &[wanted.into()]).unwrap()[0].1.address(), Some(address));
    }

    #[tokio::test]
    async fn a_socket_that_no_key_wants_is_closed() {
        for (label, wanted) in [("https", true), ("127.0.0.1:0", true), ("plain", false), ("127.0.0.1:1", false)] {
            let (mut inherited, address) = tcp(label);
            inherited.close_unwanted([(ListenerPurpose::Https, &[any()][..]), (ListenerPurpose::Plain, &[][..])]);
            assert_eq!(net::TcpStream::connect(address).is_ok(), wanted, "{label}");
        }
    }

    #[test]
    fn a_socket_that_does_not_listen_is_refused() {
        let mut inherited = InheritedSockets::default();
        let datagrams = net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(inherited.add(SocketLabel::parse("https"), datagrams.into()).is_err());
        let (stream, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert!(inherited.add(SocketLabel::parse("plain"), stream.into()).is_err());
    }
}
