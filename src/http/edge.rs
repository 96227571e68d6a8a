//! What every request passes before its route is known, in order ([`stack`]): its name and log line, its target and
//! host, what the gateway is told about the client, and the limits on requests under way.

pub(crate) mod acme_challenge;
pub(crate) mod attribution;
pub(crate) mod body_discard;
pub(crate) mod body_limit;
pub mod connection_info;
pub(crate) mod connection_state;
pub(crate) mod exchange;
pub mod forwarded;
pub mod host;
pub(crate) mod hsts;
pub(crate) mod permits;
pub(crate) mod redirect;
pub(crate) mod request_handler;
pub(crate) mod request_id;
pub(crate) mod stack;
pub mod target;
pub(crate) mod trace_context;
pub(crate) mod websocket_permits;
