//! Unix sockets, by the names that `no_unix_socket.rs` gives them where there are none.

pub(crate) use std::os::unix::net::UnixStream as StdUnixStream;
pub(crate) use tokio::net::{UnixListener, UnixStream};
