//! The gateway as frontgate sees it: how to reach it, and connections to it that are ready for the next request.

mod balance;
mod body;
mod body_channel;
mod body_decoder;
pub mod chunks;
mod connect;
mod encoded_request;
mod endpoint;
mod endpoints;
mod h1_connection;
mod h1_error;
mod hold;
mod input;
mod lease;
mod pool;
mod progress;
mod readiness;
mod request_writer;
mod response_head;
mod silence;

pub use body::{BodySource, BodyStalled, RequestBody, TooLarge};
pub use body_channel::{BodyDemand, BodyReceiver, BodySender, ChannelError, CutShort, channel};
pub(crate) use body_decoder::BodyDecoder;
pub use chunks::ChunkDecoder;
pub use connect::{ConnectError, Connector, Lacks};
pub use encoded_request::{EncodedRequest, HeadWriter, size};
pub(crate) use encoded_request::{chunk_line, last_chunk, put};
pub use endpoint::{Endpoint, FailedConnection};
pub use endpoints::Endpoints;
pub use h1_connection::H1Connection;
pub use h1_error::{H1Error, ParseError, SendError};
pub use hold::{
    GatewayReadiness, HeldGateway, HoldLimits, HoldQueue, HoldRequest, HoldSpace, HoldWait, NoConnection, WaitPurpose,
};
pub(crate) use input::Input;
pub use lease::Lease;
pub use pool::{ConnectionPool, PooledConnection};
pub use progress::{StallTimer, TransferProgress, shorter};
pub(crate) use response_head::may_be_whole;
pub use silence::GatewayTimeouts;
