//! Sockets that clients connect to: bound before anything runs, so that a bad address fails at start, and what is known of a
//! client from its socket alone.

mod bind;
mod dead_peer;
mod inherited;
mod label;
mod offered;
mod peer;
pub mod proxy_protocol;
mod socket;

pub use bind::{BindError, Listener};
pub use dead_peer::find_dead_peer;
pub use inherited::Inherited;
pub use label::{Label, Purpose};
pub use offered::Offered;
pub use peer::Peer;
pub use socket::Socket;
