//! Sockets that clients connect to: bound before anything runs, so that a bad address fails at start, and what is known of a
//! client from its socket alone. [`BufferPool`] and [`Chunk`] are what any socket is read into, a client's or the gateway's.

mod bind;
mod buffers;
mod chunk;
mod dead_peer;
mod inherited;
mod label;
mod moving;
mod names;
mod network;
mod network_share;
mod offered;
mod own_addresses;
mod peer;
pub mod proxy_protocol;
mod race;
mod readable;
mod socket;
mod unix_access;

pub use bind::{BindError, Listener};
pub use buffers::{BufferPool, SIZE, TEXT};
pub use chunk::Chunk;
pub use dead_peer::find_dead_peer;
pub use inherited::InheritedSockets;
pub use label::{ListenerPurpose, SocketLabel};
pub use moving::Moving;
pub(crate) use names::NameResolver;
pub(crate) use network::{Network, NetworkTally};
pub(crate) use network_share::NetworkShare;
pub use offered::OfferedListener;
pub(crate) use own_addresses::OwnAddresses;
pub use peer::ClientPeer;
pub(crate) use race::{in_turns, race};
pub use readable::Readable;
pub use socket::StreamSocket;
pub use unix_access::permit;
