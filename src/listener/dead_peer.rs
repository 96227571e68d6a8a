//! How a peer that vanished without a FIN or RST is found: by the kernel, underneath all else.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// Makes the kernel end a TCP connection with a peer that is gone. On Linux, a listener passes this setting on to every
/// connection that it accepts.
///
/// A WebSocket's pings find a peer that is silent, but not while bytes for it pile up: then a ping cannot be written
/// either. Only the kernel knows that nothing is acknowledged any more, and on Linux it gives up after a quarter of an
/// hour (`net.ipv4.tcp_retries2`). `TCP_USER_TIMEOUT` (RFC 5482) would make that shorter, but Linux counts a peer that
/// acknowledges everything and takes nothing (a window of zero) as well: a tab that sleeps, a download that the user
/// has paused. How long those may stay is `timeouts.send`, and nothing else decides it here.
///
/// # Errors
/// If the kernel does not know the option.
pub(crate) fn find_dead_peer<'a>(socket: impl Into<SockRef<'a>>) -> io::Result<()> {
    let socket = socket.into();
    let keepalive = TcpKeepalive::new().with_time(SILENCE).with_interval(INTERVAL).with_retries(RETRIES);
    socket.set_tcp_keepalive(&keepalive)
}

/// The silence before the kernel asks. Routers forget a quiet connection after five minutes or more (RFC 5382 asks for
/// two hours); a phone need not wake more often.
const SILENCE: Duration = Duration::from_mins(1);

/// The time between two questions, and how many may stay unanswered: a peer that vanished in silence is found after two
/// minutes.
const INTERVAL: Duration = Duration::from_secs(10);
const RETRIES: u32 = 6;

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::super::Listener;
    use super::*;
    use crate::config::BindAddr;
    use crate::io::StreamSocket;

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "a client of the test's own")]
    async fn what_a_listener_accepts_is_watched() {
        let listener = Listener::bind(&BindAddr::Tcp("127.0.0.1:0".parse().unwrap())).unwrap();
        let _client = TcpStream::connect(listener.address().unwrap()).await.unwrap();
        let (StreamSocket::Tcp(accepted), _) = listener.accept().await.unwrap() else { panic!("TCP") };
        let accepted = SockRef::from(&accepted);
        assert!(accepted.keepalive().unwrap());
        assert_eq!(accepted.tcp_keepalive_time().unwrap(), SILENCE);
        assert_eq!(accepted.tcp_keepalive_interval().unwrap(), INTERVAL);
        assert_eq!(accepted.tcp_keepalive_retries().unwrap(), RETRIES);
    }
}
