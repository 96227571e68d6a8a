//! Client connections, first byte to last: which clients are let in, the handshakes, the protocol, and how each
//! connection ends.

pub mod accept;
pub mod admission;
pub mod capacity;
pub mod connection;
mod drain_signals;
pub mod file_limit;
pub mod h1;
mod h2;
mod handshake;
pub mod head_space;
mod memory_limit;
pub mod settings;
pub mod workers;
