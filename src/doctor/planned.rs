//! [`PlannedGateway`]: a gateway that is to be looked at, and the names whose pages lead there.

use crate::config::{UpstreamAddress, UpstreamTls};

/// A gateway, and how requests get to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlannedGateway {
    pub(super) upstream: UpstreamAddress,
    /// How its certificate is checked over https.
    pub(super) tls: UpstreamTls,
    /// The name of the gateway's group among `upstreams`.
    pub(super) group: Option<String>,
    /// The target of a WebSocket, such as `/`.
    pub(super) path: String,
    /// The names whose pages lead there.
    pub(super) sites: Vec<ClientName>,
}

/// A name that clients on other machines use, and the origins of its pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientName {
    pub(super) name: String,
    /// The origins by which frontgate itself is reached.
    pub(super) origins: Vec<ProbedOrigin>,
    /// Something before frontgate may give it another port: any port will do then.
    pub(super) any_port: bool,
    /// A target that leads to the gateway.
    pub(super) path: String,
}

/// An origin that browsers send, and what they ask for with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProbedOrigin {
    /// As in the `Origin` header.
    pub(super) origin: String,
    /// As in the `Host` header.
    pub(super) host: String,
}
