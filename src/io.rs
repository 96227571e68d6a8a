//! What every stream shares, a client's or the gateway's: pooled buffers ([`BufferPool`], [`Chunk`]), readiness
//! ([`Readable`]), the sockets themselves, and what wakes a task for what seldom happens ([`wake_flag`]).

mod buffers;
mod chunk;
mod live_count;
mod moving;
mod readable;
mod socket;
pub mod wake_flag;

pub use buffers::{BufferPool, SIZE, TEXT};
pub use chunk::Chunk;
pub use live_count::{LiveCount, LiveCountGuard};
pub use moving::Moving;
pub use readable::Readable;
pub use socket::StreamSocket;
