//! Which certificate a client is shown, what becomes of it while frontgate runs, and clients that show their own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod choice;
mod clients;
mod files;
mod hsts;
mod made;
mod resumption;
mod seeing;
mod served;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const GET: &str = "GET / HTTP/1.1\r\nHost: gw.example.com\r\n\r\n";
