//! TLS on both sides.

mod stream;

pub use stream::Stream;
