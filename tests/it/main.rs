//! The integration tests: real sockets, real processes.

mod cli;
mod footprint;
mod forwarding;
mod harness;
mod signals;
mod smuggling;
mod targets;
mod tls;
mod websocket;
