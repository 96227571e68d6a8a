//! The integration tests: real sockets, real processes.

mod cli;
mod footprint;
mod forwarding;
mod harness;
mod signals;
mod connections;
mod imports;
mod limits;
mod logs;
mod pages;
mod smuggling;
mod streaming;
mod targets;
mod tls;
mod websocket;
