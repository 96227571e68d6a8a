//! The way to the gateway and back: requests ([`forward`]), WebSockets ([`upgrade`], [`tunnel`]), and their answers
//! ([`body`]).

pub mod attribution_watch;
pub mod body;
pub mod forward;
pub mod gateway_route;
pub mod tunnel;
pub mod upgrade;
pub mod websockets;
