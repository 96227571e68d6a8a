//! The files of `src/io` that a session stands on.

#[path = "../../../src/io/buffers.rs"]
mod buffers;
#[path = "../../../src/io/chunk.rs"]
mod chunk;
#[path = "../../../src/io/readable.rs"]
mod readable;

pub(crate) use buffers::{BufferPool, SIZE, TEXT};
pub(crate) use chunk::Chunk;
pub(crate) use readable::Readable;
