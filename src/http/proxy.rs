//! The way to the gateway and back: requests ([`forward`]), WebSockets ([`upgrade`], [`tunnel`]), and their answers
//! ([`body`]).

pub(crate) mod answer_login;
pub(crate) mod attribution_watch;
pub(crate) mod body;
pub(crate) mod forward;
pub(crate) mod gateway_route;
pub(crate) mod tunnel;
pub(crate) mod upgrade;
pub(crate) mod websockets;
