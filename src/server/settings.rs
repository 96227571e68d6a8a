//! [`Settings`]: what the connections of one listener go by.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::admission::{ClientPlace, Place};
use crate::http::activity::Patience;
use crate::http::stack::Edge;
use crate::observe::access::AccessLog;
use crate::tls::Handshakes;

/// What the connections of one listener go by.
pub struct Settings {
    /// What they carry.
    pub kind: Kind,
    /// Where their requests go.
    pub edge: Edge,
    /// Peers that begin with a PROXY header.
    pub proxy_protocol_from: Vec<IpNet>,
    /// For the TLS handshake, the PROXY header included.
    pub handshake: Option<Duration>,
    /// For requests and the pauses between them.
    pub patience: Patience,
    /// The most bytes of a request's head.
    pub request_head: usize,
    /// Where the line of a request goes that cannot even be read.
    pub log: AccessLog,
}

/// What a listener's connections carry.
pub enum Kind {
    /// TLS. Who speaks plain HTTP by mistake is sent to the right place.
    Tls {
        /// What decides about them.
        handshakes: Arc<Handshakes>,
        /// What answers plain HTTP.
        mistaken: Edge,
    },
    /// Plain HTTP.
    Plain,
}

/// The places that a connection holds, for as long as it or its WebSocket lives.
pub type Places = (Place, Option<ClientPlace>);
