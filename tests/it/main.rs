//! The integration tests: real sockets, real processes.

mod acme;
mod ca_page;
mod certificates;
mod cli;
mod connections;
mod dead_peers;
mod exhaustion;
mod footprint;
mod forwarding;
mod handover;
mod harness;
mod hold;
mod imports;
mod limits;
mod logs;
mod operator;
mod pages;
mod reload;
mod routes;
mod signals;
mod smuggling;
mod streaming;
mod targets;
mod tls;
mod trust;
mod websocket;
