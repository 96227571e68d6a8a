//! Sockets that clients connect to: bound before anything runs, so that a bad address fails at start, and what is known
//! of a client from its socket alone.

mod bind;
mod dead_peer;
mod inherited;
mod label;
mod names;
mod network;
mod network_share;
mod offered;
mod own_addresses;
mod peer;
pub mod proxy_protocol;
mod race;
#[cfg_attr(not(unix), path = "listener/no_unix_socket.rs")]
mod unix_socket;
mod unsent;

pub(crate) use bind::{BindError, Listener};
pub(crate) use dead_peer::find_dead_peer;
pub use inherited::InheritedSockets;
pub(crate) use label::{ListenerPurpose, SocketLabel};
pub(crate) use names::NameResolver;
pub(crate) use network::{Network, NetworkTally};
pub(crate) use network_share::NetworkShare;
pub(crate) use offered::OfferedListener;
pub(crate) use own_addresses::OwnAddresses;
pub use peer::ClientPeer;
pub(crate) use race::{DELAY, in_turns, race};
pub(crate) use unix_socket::{group_id, permit};
