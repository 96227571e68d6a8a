//! What every stream shares, a client's or the gateway's: pooled buffers ([`BufferPool`], [`Chunk`]), readiness
//! ([`Readable`]), the sockets themselves, what wakes a task for what seldom happens ([`wake_flag`]), and how much a task moves
//! before others have their turn ([`Turn`]).

mod buffers;
mod chunk;
mod live_count;
mod readable;
mod socket;
mod socket_transfer;
mod turn;
#[cfg_attr(not(unix), path = "io/no_unix_socket.rs")]
mod unix_socket;
pub(crate) mod wake_flag;

pub(crate) use buffers::{BufferPool, SIZE, TEXT};
pub(crate) use chunk::Chunk;
pub(crate) use live_count::{LiveCount, LiveCountGuard};
pub(crate) use readable::Readable;
pub(crate) use socket::StreamSocket;
pub(crate) use socket_transfer::SocketTransfer;
pub(crate) use turn::Turn;
pub(crate) use unix_socket::{UnixListener, UnixStream};
