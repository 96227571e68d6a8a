//! What is tried, and what was seen: thin shells that return facts, each within a time of its own.

mod door;
mod exchange;
mod gateway;
mod machine;
mod port;
mod running;
mod socket;

pub(super) use door::{Door, Through, look_at_certificate, look_through};
pub(super) use exchange::Fields;
pub(super) use gateway::{Distrust, Gateway, Listening, Origin, Reached, look as look_at_gateway};
pub(super) use machine::{Machine, files, look as look_at_machine};
pub(super) use port::{Holder, Port, PortError, look as look_at_port};
#[cfg(test)]
pub(super) use running::Status;
pub(super) use running::{Running, look as look_for_running};
pub(super) use socket::{Answered, Opened, Said};
