//! Routes on real sockets: which gateway a request gets to, and what happens to it on the way.

mod affinity;
mod choice;
mod client_certificates;
pub(crate) mod draining;
mod endpoints;
mod forward;
mod found;
mod headers;
mod login;
mod matchers;
mod proofs;
mod reload;
mod source;

use crate::harness::{Gateway, gateway};

/// A gateway that says its name.
async fn called(name: &str) -> Gateway {
    let length = name.len();
    gateway().answering(format!("HTTP/1.1 200 OK\r\nServer: {name}\r\nContent-Length: {length}\r\n\r\n{name}")).await
}

fn get(host: &str, target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

fn upgrade(host: &str, target: &str, fields: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{fields}\r\n"
    )
}
