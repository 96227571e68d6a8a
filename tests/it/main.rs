//! The integration tests: real sockets, real processes.

mod cli;
mod forwarding;
mod harness;
mod smuggling;
mod targets;
mod footprint;
mod harness;
mod signals;
mod tls;
mod websocket;
