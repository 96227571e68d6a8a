//! One request, from its head to the last byte of its answer: the steps it passes in order ([`edge`]), the route it
//! takes ([`route`]), the login that the route asks for ([`auth`]), the gateway ([`proxy`]), and the pages that
//! frontgate itself shows ([`pages`]).
//!
//! The statuses of failures are made in [`error`].
//!
//! # The forwarding rules
//!
//! Comments name them by number.
//!
//! 1. Target and `Host` are forwarded byte for byte.
//! 2. Hop-by-hop fields never pass as they came; an upgrade's are written anew.
//! 3. From a peer that is not a trusted proxy, fields that name a client or an identity are deleted, in any spelling.
//! 4. `X-Forwarded-*` and `X-Real-IP` are written: the client alone, and what it asked for.
//! 5. A client on this machine that asks for a loopback name and brought no such field is passed on without them.
//! 6. A refusal of the gateway because of its own configuration passes unchanged, but for a page navigation; the log says
//!    what to change.
//! 7. An upgrade is a GET over HTTP/1.1 without a body that asks for `websocket`; anything else is an ordinary request.
//! 8. A connection whose PROXY header names no client is never local.
//! 9. Identity fields that frontgate or a login service sets never pass from a client, and credentials for frontgate never
//!    reach a gateway.
//! 10. A guard of a path holds for every reading of it that a gateway could make; readings that disagree are refused.
//! 11. A changed configuration that lowers a guard waits for the operator.

pub mod auth;
pub mod edge;
pub(crate) mod error;
pub(crate) mod pages;
pub(crate) mod proxy;
pub mod route;
