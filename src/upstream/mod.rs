//! The gateway as frontgate sees it: how to reach it, and connections to it that are ready for the next request.

mod balance;
mod body;
mod body_channel;
mod body_decoder;
pub mod chunks;
mod connect;
mod endpoints;
mod hold;
mod input;
mod link;
mod link_error;
mod outgoing;
mod pool;
mod progress;
mod readiness;
mod response_head;
mod sending;
mod silence;

pub use body::{BodySource, BodyStalled, RequestBody, TooLarge};
pub use body_channel::{BodyError, BodyReceiver, BodySender, CutShort, Demand, channel};
pub(crate) use body_decoder::BodyDecoder;
pub use chunks::Chunks;
pub use connect::{ConnectError, Connector, Lacks};
pub use endpoints::{Endpoint, Endpoints, Failed};
pub use hold::{Asked, Entry, Gate, Gateway, HoldLimits, HoldSpace, NoConnection, Readiness, Wait};
pub(crate) use input::Input;
pub use link::Link;
pub use link_error::{Flaw, LinkError, SendError};
pub use outgoing::{Outgoing, Writer, size};
pub(crate) use outgoing::{chunk_line, last_chunk, put};
pub use pool::{Lease, Pool};
pub use progress::{Progress, Stall, shorter};
pub(crate) use response_head::may_be_whole;
pub use silence::Patience;
