//! frontgate stands in front of one WebSocket gateway and gives it HTTPS. It terminates TLS, forwards every request and
//! WebSocket exactly, keeps idle links alive, and says in one line which side ended a connection and why.
//!
//! This page is the architecture, for a reader with ten minutes: the folders, the path of a request, the path of a frame, the
//! path of a configuration, and what always holds. The page of each module goes on from here. How to build, test and change it,
//! and what each word means, is in `CONTRIBUTING.md`.
//!
//! # The folders
//!
//! Folders are listed as a request meets them. **A folder imports only from folders below it**; `tests/it/imports.rs` reads
//! the sources and checks. Wiring happens in one place, [`app`].
//!
//! ```text
//! main → cli → app → admin, doctor, lifecycle → server → http → websocket → upstream → tls → cluster → listener → io → observe → drain, sealing → config → platform
//! ```
//!
//! [`import`] stands apart: only [`cli`] uses it, and it uses only [`config`].
//!
//! | folder | what it owns |
//! |---|---|
//! | [`cli`] | a file for each command; a command builds things and runs them |
//! | [`app`] | makes everything and hands it on; takes another configuration over while clients are connected |
//! | [`admin`] | the operator's listener: a page, status, metrics, reload, handover, ending WebSockets |
//! | [`doctor`] | finds out why a Control UI cannot connect: probes see, judges decide, a catalogue says it |
//! | [`lifecycle`] | signals, soft and hard stop, the handover to a new process, the service manager |
//! | [`server`] | one client connection, first byte to last: admission, PROXY header, TLS, HTTP/1.1 or HTTP/2 |
//! | [`http`] | one request, from its head to the last byte of its answer: what it passes, and what becomes of it |
//! | [`websocket`] | frames after the handshake: what passes, pings, endings, and the relay that joins two streams |
//! | [`upstream`] | the gateway: endpoints, connections to it, and the place where requests wait while it restarts |
//! | [`tls`] | certificates, where they come from, and both sides of a handshake |
//! | [`cluster`] | what replicas share, and the one Redis client; without it everything is local |
//! | [`listener`] | sockets that clients connect to, and what is known of a client from its socket alone |
//! | [`io`] | what every stream shares: pooled buffers, sockets, readiness, and what wakes a task |
//! | [`import`] | translates the configuration of nginx, Apache or Caddy, and a fleet's list; runs nothing |
//! | [`observe`] | log lines, metrics, and what must never be in them |
//! | [`drain`] | how everything that runs is told to end, and how shutdown knows that it has |
//! | [`sealing`] | what seals a text so that it comes back unread and unchanged |
//! | [`config`] | one file per section: the keys, and the typed settings that the program runs on |
//! | [`platform`] | what systems differ in, under the same names on each |
//!
//! Inside a folder, protocol decisions are small pure files: bytes or a `now` in, a decision out. What waits, reads and writes is
//! a thin shell around them that knows no protocol. A rule is found in the pure file that is named after it, with a table of
//! tests below.
//!
//! # The path of a request
//!
//! ```text
//!  client
//!    |   TCP, or a unix socket
//!    v
//!  accept         a permit, one of all and one of the client's network; then the thread with the fewest connections
//!    v
//!  PROXY header   from named peers only; there the network's permit comes with the address that the header names
//!    v
//!  TLS            hello, certificate, ALPN; plain HTTP goes on to a redirect
//!    |
//!    +--> HTTP/1.1 --+
//!    +--> HTTP/2 ----+
//!                    v   one request
//!  edge           id, access line, target and host, the client's address, permit, body -----+
//!    v                                                                                      |
//!  route          the first that matches: networks, login, header rules --------------------+   a failure anywhere
//!    v                                                                                      +-> becomes a status
//!  end            a fixed answer | forward | upgrade ---------------------------------------+   and a page, in
//!                                     v                                                     |   http/error alone
//!  upstream       an endpoint: an idle connection, a new one, or a wait                     |
//!                 while the gateway restarts -----------------------------------------------+
//!                                     v
//!                                  gateway   its answer goes back up the same way
//! ```
//!
//! Where to read on: `server/accept.rs`; `server/connection.rs`; `server/h1/connection.rs` or `server/h2.rs`; `http/edge/stack.rs`;
//! `http/route/table.rs` and `http/route/stack.rs`; `http/proxy/gateway_route.rs`, then `forward.rs` or `upgrade.rs` beside it;
//! `upstream/hold.rs`.
//!
//! - [`server`] counts a connection before it reads a byte, gives it to the thread with the fewest ([`server::workers`]), and bounds
//!   the time for all that comes before HTTP.
//! - [`http`] never decodes what it forwards: target, host and field values go out byte for byte. Paths are decoded only to compare
//!   them with routes, in every way that a gateway could, so that no spelling gets round a guard.
//! - The address and the identity of a client are written anew for the gateway. A client's own claims end at the edge.
//! - [`upstream`] sends a request twice only if the gateway cannot have acted on it. A gateway that is down is waited for, in order of
//!   arrival, for as long as `hold` says.
//! - The answer streams. Its access line is written when the last byte is sent or the client is gone, whatever happens.
//!
//! # The path of a frame
//!
//! An upgrade dials a connection of its own (never a pooled one), sends the handshake on, and demands a 101 with the right
//! `Sec-WebSocket-Accept`; anything else goes back as the ordinary response it is, and no tunnel byte moves before. Then the
//! client's connection is taken apart, and [`websocket::relay`] joins the two raw streams, beginning with the bytes that both
//! parsers had read too far. Over HTTP/2 a CONNECT becomes the same upgrade (`server/h2/handshake.rs`), and the stream stands for
//! the socket (`server/h2/websocket_stream.rs`): its connection goes on with others.
//!
//! ```text
//!   client's leg                            relay                                gateway's leg
//!
//!   socket, TLS --> something to read? --> a buffer --> direction ------------> write --> socket
//!                                          on loan      frame boundaries,         ^
//!                                            |          limits; swallows          | between two frames
//!                                            |          pongs to our pings        |
//!                   written: given back <----+                                    |
//!                                                                                 |
//!   keepalive, one for each leg:                                                  |
//!       silent for websocket.ping_interval ----> a ping --------------------------+
//!       no byte for websocket.pong_timeout ----> the end                          |
//!                                                  |                              |
//!   close: what ended it ----> a code and a reason for each leg ---> a Close -----+
//!                                                                    (in the middle of a frame: a cut)
//! ```
//!
//! The same runs the other way. Frames pass unmodified and of any size; the relay keeps no message. A direction reads a few bytes of
//! each frame's head ([`websocket::frame`]) and lets the rest through. An idle link owns no buffer and no task but one, which sleeps
//! until something is readable or [`websocket::keepalive`] has something due. A relay holds its own settings, so that a reload touches
//! no live WebSocket.
//!
//! # The path of a configuration
//!
//! A start and a reload are the same: [`app`] builds the whole of what the configuration asks for, and nothing that runs is
//! touched before the last step that can fail. Then it takes the place of what is there: certificates, limits, the settings of
//! each listener. Then what is no longer needed ends. Connections look their settings up with each request. A change that lowers a
//! guard is found by comparing both configurations in [`config`], and waits for the operator.
//!
//! # Threads, tasks and their end
//!
//! Each thread serves its connections on a runtime of its own, so that a connection, its timers and its way to the gateway stay on
//! one core. Operators are answered on another one, however busy those are. Log lines are written by a thread of their own, and names are looked up and passwords checked where that stops no thread
//! that serves. Every task is spawned through [`drain::Drain`], which says *soft* (finish what is under way) and then *hard* (stop
//! where you are), and knows when the last one has ended.
//!
//! # Invariants
//!
//! 1. Imports point down the list.
//! 2. YAML shapes never leave [`config`].
//! 3. The pure files (frame, direction, keepalive, close, handshake, the forwarding rules, the heads and chunks of `upstream`) do no
//!    I/O and read no clock.
//! 4. Sockets are opened only in [`listener`], `upstream/connect.rs`, `cluster/link.rs`, to a certificate authority and a name server in
//!    `tls/acme`, to a collector in `observe/otlp/collector.rs`, and to the service manager in `lifecycle/notify.rs`.
//! 5. Tasks are spawned only through [`drain::Drain`].
//! 6. Statuses of failures are made in `http/error`, close codes in `websocket/close.rs`, nowhere else. The redirect to https, the fixed
//!    answers of routes and the admin listener have statuses of their own.
//! 7. A failed reload changes nothing. A relay holds its own settings: nothing that happens to the rest touches a live WebSocket.
//! 8. No globals; everything that a peer can grow has a limit, and everything that a peer can stall has a time.
//! 9. No unsafe code.
//! 10. Nothing that waits for a reader of the log, a collector, Redis, a name or a file can stop a thread that serves, a reload or the end.
//! 11. What is guarded stays guarded: every failure to read, translate, ask or reload refuses.

mod admin;
pub mod app;
pub mod cli;
pub mod cluster;
pub mod config;
mod doctor;
pub mod drain;
pub mod http;
pub mod import;
mod io;
pub mod lifecycle;
pub mod listener;
mod observe;
mod platform;
mod sealing;
pub mod server;
pub mod tls;
pub mod upstream;
pub mod websocket;
