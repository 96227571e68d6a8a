//! The public certificate: against Pebble, and against an authority of our own that knows what Pebble does not.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub(crate) mod gate;
pub(crate) mod pebble;
mod scenarios;
mod server;
mod simulation;
