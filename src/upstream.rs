//! The gateway as frontgate sees it: how to reach it, and connections to it that are ready for the next request.

mod balance;
mod body;
mod body_channel;
mod body_decoder;
pub mod chunks;
mod connect;
mod encoded_request;
mod endpoint;
mod endpoint_drains;
mod endpoints;
mod h1_connection;
mod h1_error;
mod health;
mod health_check;
mod hold;
mod http2_body;
mod input;
mod lease;
mod pool;
mod progress;
mod readiness;
mod request_writer;
mod response_head;
mod silence;
mod stable_hash;

pub(crate) use balance::EndpointId;
pub use body::RequestBody;
pub(crate) use body::{BodySource, BodyStalled, TooLarge};
pub(crate) use body_channel::{BodyDemand, BodyReceiver, BodySender, CutShort, channel};
pub use body_decoder::BodyDecoder;
pub(crate) use chunks::ChunkDecoder;
pub(crate) use connect::{ConnectError, Connector};
pub(crate) use encoded_request::EncodedHead;
pub use encoded_request::EncodedRequest;
pub(crate) use encoded_request::size;
pub(crate) use encoded_request::{chunk_line, last_chunk, put};
pub(crate) use endpoint::Endpoint;
pub(crate) use endpoint_drains::EndpointDrains;
pub(crate) use endpoints::{EndpointTie, Endpoints, GroupMember};
pub(crate) use h1_connection::H1Connection;
pub(crate) use h1_error::{H1Error, ParseError, SendError};
pub(crate) use health::EndpointHealth;
pub(crate) use health_check::check_health;
pub(crate) use hold::{
    GatewayReadiness, HeldGateway, HoldLimits, HoldQueue, HoldRequest, HoldSpace, NoConnection, WaitPurpose,
};
pub(crate) use http2_body::Http2Body;
pub(crate) use input::Input;
pub(crate) use lease::Lease;
pub(crate) use pool::{ConnectionPool, PooledConnection};
pub(crate) use progress::{TransferProgress, shorter};
pub use response_head::ResponseHead;
pub(crate) use response_head::may_be_whole;
pub(crate) use silence::GatewayTimeouts;
pub(crate) use stable_hash::stable_hash;
