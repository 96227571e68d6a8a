//! One TLS session with a client: the settings of its handshake, the client's hello, and the small byte stream that
//! follows.

pub(super) mod acceptor;
pub(super) mod client_certificates;
pub(super) mod crypto;
pub(super) mod handshakes;
pub(super) mod hello;
mod records;
mod refusal;
pub(super) mod route_client_ca;
mod rustls_records;
pub(super) mod stream;
pub(super) mod ticket_secret;
pub(super) mod tickets;
pub(super) mod tls_session;
