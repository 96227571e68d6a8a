//! frontgate stands in front of one WebSocket gateway and gives it HTTPS. It terminates TLS, forwards every request and
//! WebSocket exactly, keeps idle links alive, and says in one line who ended a connection and why.
//!
//! # The map
//!
//! Folders are listed as a request meets them. **A folder imports only from folders below it**; `tests/it/imports.rs` reads
//! the sources and checks. Wiring happens in one place, [`app`].
//!
//! ```text
//! main → cli → app → admin, doctor, lifecycle → server → http → websocket → upstream → tls → listener → import → observe → drain → config
//! ```
//!
//! # The path of a request
//!
//! accept → admission → the thread with the fewest connections ([`server::workers`]) → PROXY header → TLS → ALPN → h1 or h2 →
//! the edge of [`http::stack`] (request id, access log, error page, target, forwarding) → [`http::router`] → the route's own
//! list (header rules, login, then an answer, an upgrade or a forward) → the next of the [`upstream::Endpoints`]: a connection
//! from its pool, or a wait at the [`upstream::Gate`] while the gateway restarts → back up.
//!
//! # The path of a frame
//!
//! [`http::upgrade`] dials a connection of its own (never a pooled one), sends the handshake on, and demands a 101 with the
//! right `Sec-WebSocket-Accept`; anything else goes back as the ordinary response it is, and no tunnel byte moves before. Then
//! the client's connection is taken apart, and [`websocket::relay`] joins the two raw streams, beginning with the bytes
//! both parsers had read too far. In the relay a chunk is read into a borrowed buffer, `Direction::accept` finds the frame
//! boundaries in it, and it is written on unmodified. An idle link owns no buffer.
//!
//! # The path of a configuration
//!
//! A start and a reload are the same: [`app`] builds the whole of what the configuration asks for, and nothing that runs is
//! touched before the last step that can fail. Then it takes the place of what is there: certificates, limits, the settings of
//! each listener. Then what is no longer needed ends. Connections look their settings up with each request.
//!
//! # Invariants
//!
//! 1. Imports point down the list.
//! 2. YAML shapes never leave [`config`].
//! 3. The pure files (frame, direction, keepalive, close, handshake, the forwarding rules, the heads and chunks of `upstream`) do no
//!    I/O and read no clock.
//! 4. Sockets are opened only in [`listener`], `upstream/connect.rs`, to a certificate authority in `tls/acme/transport.rs`, and to the
//!    service manager in `lifecycle/notify.rs`.
//! 5. Tasks are spawned only through [`drain::Drain`].
//! 6. Statuses are made in `http/error`, close codes in `websocket/close.rs`, nowhere else.
//! 7. A failed reload changes nothing. A relay holds its own settings: nothing that happens to the rest touches a live WebSocket.
//! 8. No globals; everything that a peer can grow has a limit.
//! 9. No unsafe code.

pub mod admin;
pub mod app;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod drain;
pub mod http;
pub mod import;
pub mod lifecycle;
pub mod listener;
pub mod observe;
pub mod server;
pub mod tls;
pub mod upstream;
pub mod websocket;
