//! The way to the gateway and back: requests ([`forward`]), WebSockets ([`upgrade`], [`tunnel`]), and their answers
//! ([`body`], [`compression`]).

pub(crate) mod answer_login;
pub(crate) mod attribution_watch;
pub(crate) mod body;
pub(crate) mod compression;
pub(crate) mod forward;
pub(crate) mod gateway_route;
pub(crate) mod kept_out;
pub(crate) mod sticky;
pub(crate) mod tunnel;
pub(crate) mod upgrade;
pub(crate) mod websockets;
