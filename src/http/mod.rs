//! One request, from its head to the last byte of its answer: the layers it passes ([`stack`]), and what each of them decides.
//!
//! The only statuses of our own are made in [`error`], and what a client sees of them in [`page`].

pub mod accept;
pub mod acme_challenge;
pub mod answer;
pub mod attribution;
pub mod attribution_watch;
pub mod body;
pub mod ca_page;
pub mod connection_info;
pub mod connection_state;
pub mod credentials;
pub mod early;
pub mod error;
pub mod error_page;
pub mod exchange;
pub mod forward;
pub mod forwarded;
pub mod guard;
pub mod handle;
pub mod header_rules;
pub mod headers;
pub mod host;
pub mod hsts;
pub mod identity;
pub mod layer;
pub mod limits;
pub mod page;
pub mod passwords;
pub mod permits;
pub mod protected;
pub mod reading;
pub mod redirect;
pub mod request_id;
pub mod route;
pub mod router;
mod spelling;
pub mod stack;
pub mod target;
mod template;
pub mod tunnel;
pub mod upgrade;
pub mod websockets;
