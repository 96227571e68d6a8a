//! What every stream shares, a client's or the gateway's: pooled buffers ([`BufferPool`], [`Chunk`]), readiness
//! ([`Readable`]), the sockets themselves, and what wakes a task for what seldom happens ([`wake_flag`]).

mod buffers;
mod chunk;
mod live_count;
mod readable;
mod socket;
mod socket_transfer;
pub(crate) mod wake_flag;

pub(crate) use buffers::{BufferPool, SIZE, TEXT};
pub(crate) use chunk::Chunk;
pub(crate) use live_count::{LiveCount, LiveCountGuard};
pub(crate) use readable::Readable;
pub(crate) use socket::StreamSocket;
pub(crate) use socket_transfer::SocketTransfer;
