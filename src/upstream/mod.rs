//! The gateway as frontgate sees it: how to reach it, and connections to it that are ready for the next request.

mod answer_body;
mod balance;
mod body;
pub mod chunks;
mod connect;
mod endpoints;
mod hold;
mod link;
mod link_error;
mod outgoing;
mod pool;
mod progress;
mod readiness;
mod response_head;
mod sending;

pub use body::{RequestBody, TooLarge};
pub use connect::{ConnectError, Connector, Lacks};
pub use endpoints::{Endpoint, Endpoints, Failed};
pub use hold::{Asked, Entry, Gate, Gateway, HoldLimits, HoldSpace, NoConnection, Readiness, Wait};
pub use link::Link;
pub use link_error::{Flaw, LinkError, SendError};
pub use outgoing::{Outgoing, Writer, size};
pub use pool::{Lease, Pool};
pub use progress::{Progress, Stall, shorter};
