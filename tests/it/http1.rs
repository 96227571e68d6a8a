//! The client's side of HTTP/1.1: answers that do not wait for a body, clients that are slow, and what is never
//! guessed.

mod early;
mod exact;
mod gone;
mod heads;
mod patience;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
