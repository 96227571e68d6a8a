//! Client connections, first byte to last: which clients are let in, the handshakes, the protocol, and how each
//! connection ends.

pub(crate) mod accept;
pub(crate) mod admission;
pub(crate) mod capacity;
pub(crate) mod connection;
mod drain_signals;
pub(crate) mod file_limit;
pub mod h1;
pub mod h2;
mod handshake;
pub(crate) mod head_space;
pub(crate) mod memory_limit;
pub(crate) mod runtime_thread;
pub(crate) mod send_space;
pub(crate) mod settings;
pub mod workers;
