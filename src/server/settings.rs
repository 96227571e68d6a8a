//! [`ListenerSettings`]: what the connections of one listener go by.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ipnet::IpNet;

use super::admission::{ConnectionPermit, PerClientPermit};
use super::head_space::HeadSpace;
use crate::drain::Drain;
use crate::http::edge::connection_state::ConnectionTimeouts;
use crate::http::edge::stack::Edge;
use crate::io::BufferPool;
use crate::io::LiveCountGuard;
use crate::listener::ClientPeer;
use crate::observe::access::AccessLog;
use crate::tls::HandshakePolicy;

/// What the connections of one listener go by.
pub struct ListenerSettings {
    /// What they carry.
    pub kind: ListenerProtocol,
    /// Where their requests go.
    pub edge: Edge,
    /// Peers that begin with a PROXY header.
    pub proxy_protocol_from: Vec<IpNet>,
    /// For the TLS handshake, the PROXY header included.
    pub handshake: Option<Duration>,
    /// For requests and the pauses between them.
    pub connection_timeouts: ConnectionTimeouts,
    /// The most bytes of a request's head.
    pub request_head: usize,
    /// What heads take that are only partly here.
    pub heads: HeadSpace,
    /// Where the line of a request goes that cannot even be read.
    pub log: AccessLog,
    /// Ends the connections that were opened under these settings, where others would not do for them. WebSockets stay.
    pub drain: Drain,
}

/// The settings of one listener, replaceable while it serves: a new connection begins with them, and a connection that lives
/// looks at them again with each request. Only the limit of a request's head stays what it was when the connection began.
#[derive(Clone)]
pub struct LiveSettings(Arc<ArcSwap<ListenerSettings>>);

/// Which of a listener's edges a connection's requests enter by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EdgeChoice {
    /// The one to the route.
    Proper,
    /// The one for plain HTTP where TLS is spoken.
    PlainHttpOnTls,
}

impl LiveSettings {
    /// Begins with `settings`.
    pub fn new(settings: ListenerSettings) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(settings)))
    }

    /// The settings of this moment.
    pub fn load(&self) -> arc_swap::Guard<Arc<ListenerSettings>> {
        self.0.load()
    }

    /// From here on `settings`; returns those before.
    pub fn replace(&self, settings: ListenerSettings) -> Arc<ListenerSettings> {
        self.0.swap(Arc::new(settings))
    }
}

impl ListenerSettings {
    /// Whether connections of this peer begin with a PROXY header.
    pub(super) fn announces(&self, peer: ClientPeer) -> bool {
        peer.ip().is_some_and(|ip| self.proxy_protocol_from.iter().any(|net| net.contains(&ip)))
    }

    /// Where requests go that come this way.
    pub(super) fn edge(&self, way: EdgeChoice) -> &Edge {
        match (&self.kind, way) {
            (ListenerProtocol::Tls { plain_http_on_tls, .. }, EdgeChoice::PlainHttpOnTls) => plain_http_on_tls,
            _ => &self.edge,
        }
    }
}

/// What a listener's connections carry.
pub enum ListenerProtocol {
    /// TLS. Who speaks plain HTTP by mistake is sent to the right place.
    Tls {
        /// What decides about them.
        handshakes: Arc<HandshakePolicy>,
        /// Where their sessions borrow memory.
        buffers: Arc<BufferPool>,
        /// What answers plain HTTP.
        plain_http_on_tls: Edge,
    },
    /// Plain HTTP.
    Plain,
}

/// The places that a connection holds, for as long as it or its WebSocket lives.
pub type ConnectionPermits = (AcceptPermits, Option<PerClientPermit>);

/// Those that it has from the beginning: one among all, and one at its worker.
pub type AcceptPermits = (ConnectionPermit, LiveCountGuard);
