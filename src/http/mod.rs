//! One request, from its head to the last byte of its answer: the layers it passes ([`stack`]), and what each of them decides.

pub mod activity;
pub mod arrival;
pub mod attribution;
pub mod body;
//! Requests and their answers: how one is passed on to the gateway, and what is said when it cannot be.

pub mod accept;
pub mod error;
pub mod error_page;
pub mod exchange;
pub mod forward;
pub mod forwarded;
pub mod headers;
pub mod host;
pub mod limits;
pub mod page;
pub mod redirect;
pub mod request_id;
pub mod stack;
pub mod target;
pub mod upgrade;
