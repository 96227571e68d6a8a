//! The integration tests: real sockets, real processes.

mod cli;
mod harness;
mod tls;
mod websocket;
