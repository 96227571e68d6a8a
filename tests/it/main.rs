//! The integration tests: real sockets, real processes.

mod cli;
mod websocket;
