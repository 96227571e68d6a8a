//! How much the kernel keeps of what a client has no room for.

use std::io;

use socket2::SockRef;

/// Makes the kernel keep at most [`UNSENT`] bytes that it cannot send yet on a TCP connection, beside those that are on
/// their way. On Linux, a listener passes this setting on to every connection that it accepts.
///
/// Without it a socket takes up to 4 MiB (`net.ipv4.tcp_wmem`) for a client that reads nothing, and what one stream of
/// an HTTP/2 connection sends waits behind all that another one has sent before.
///
/// # Errors
/// If the kernel does not know the option.
#[cfg(target_os = "linux")]
pub(super) fn limit_unsent<'a>(socket: impl Into<SockRef<'a>>) -> io::Result<()> {
    socket.into().set_tcp_notsent_lowat(UNSENT)
}

/// Only Linux passes the option on.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub(super) fn limit_unsent<'a>(_: impl Into<SockRef<'a>>) -> io::Result<()> {
    Ok(())
}

/// More than is written at once, so that a client that reads never finds the kernel empty.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 * 1024;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::net::TcpStream;

    use super::super::Listener;
    use super::*;
    use crate::config::BindAddr;
    use crate::io::StreamSocket;

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "a client of the test's own")]
    async fn what_a_listener_accepts_keeps_little_unsent() {
        let listener = Listener::bind(&BindAddr::Tcp("127.0.0.1:0".parse().unwrap())).unwrap();
        let _client = TcpStream::connect(listener.address().unwrap()).await.unwrap();
        let (StreamSocket::Tcp(accepted), _) = listener.accept().await.unwrap() else { panic!("TCP") };
        assert_eq!(SockRef::from(&accepted).tcp_notsent_lowat().unwrap(), UNSENT);
    }
}
