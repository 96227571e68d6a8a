//! The gateway as frontgate sees it: how to reach it, and connections to it that are ready for the next request.

mod balance;
mod body;
mod connect;
mod endpoints;
mod hold;
mod link;
mod pool;
mod readiness;

pub use body::{RequestBody, TooLarge};
pub use connect::{ConnectError, Connector};
pub use endpoints::{Endpoint, Endpoints, Failed};
pub use hold::{Asked, Gate, Gateway, NoConnection, Readiness, Wait};
pub use link::{Link, SendError};
pub use pool::{Lease, Pool};
