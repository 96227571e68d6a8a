//! WebSockets through the proxy, seen from both ends as bytes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod closes;
pub(crate) mod frame;
mod frames;
mod handshake;
mod http2;
mod keepalive;
mod library;
mod log;
mod lost;
pub(crate) mod over_http2;
pub(crate) mod peer;
mod pressure;
mod refusals;
mod rules;
pub(crate) mod scene;
mod unread;
mod upstreams;
