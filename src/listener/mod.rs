//! Sockets that clients connect to: bound before anything runs, so that a bad address fails at start, and what is known of a
//! client from its socket alone.

mod bind;
mod peer;
pub mod proxy_protocol;
mod socket;

pub use bind::{BindError, Listener};
pub use peer::Peer;
pub use socket::Socket;
