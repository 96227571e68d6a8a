//! What every request passes before its route is known, in order ([`stack`]): its name and log line, its target and
//! host, what the gateway is told about the client, and the limits on requests under way.

pub mod acme_challenge;
pub mod attribution;
pub mod connection_info;
pub mod connection_state;
pub mod early;
pub mod exchange;
pub mod forwarded;
pub mod handle;
pub mod host;
pub mod hsts;
pub mod limits;
pub mod permits;
pub mod redirect;
pub mod request_id;
pub mod stack;
pub mod target;
