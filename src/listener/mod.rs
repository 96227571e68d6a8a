//! Sockets that clients connect to: bound before anything runs, so that a bad address fails at start, and what is known of a
//! client from its socket alone. [`Buffers`] and [`Chunk`] are what any socket is read into, a client's or the gateway's.

mod bind;
mod buffers;
mod chunk;
mod dead_peer;
mod inherited;
mod label;
mod moving;
mod names;
mod network;
mod offered;
mod own;
mod peer;
pub mod proxy_protocol;
mod race;
mod readable;
mod share;
mod socket;
mod unix_access;

pub use bind::{BindError, Listener};
pub use buffers::{Buffers, SIZE, TEXT};
pub use chunk::Chunk;
pub use dead_peer::find_dead_peer;
pub use inherited::Inherited;
pub use label::{Label, Purpose};
pub use moving::Moving;
pub(crate) use names::Names;
pub(crate) use network::{Network, Tally};
pub use offered::Offered;
pub(crate) use own::OwnAddresses;
pub use peer::Peer;
pub(crate) use race::{in_turns, race};
pub use readable::Readable;
pub(crate) use share::Share;
pub use socket::Socket;
pub use unix_access::permit;
