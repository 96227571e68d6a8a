//! WebSockets through the proxy, seen from both ends as bytes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod ends;
pub(crate) mod frame;
mod frames;
mod handshake;
mod keepalive;
mod library;
mod log;
pub(crate) mod peer;
mod pressure;
pub(crate) mod scene;
