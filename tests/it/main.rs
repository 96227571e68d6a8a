//! The integration tests: real sockets, real processes.

mod cli;
mod forwarding;
mod harness;
mod smuggling;
mod targets;
mod tls;
mod websocket;
