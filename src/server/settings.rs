//! [`ListenerSettings`]: the settings of the connections of one listener.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ipnet::IpNet;

use super::admission::{ConnectionPermit, PerClientPermit};
use super::head_space::HeadSpace;
use super::send_space::SendSpace;
use crate::drain::Drain;
use crate::http::edge::connection_state::ConnectionTimeouts;
use crate::http::edge::stack::Edge;
use crate::io::LiveCountGuard;
use crate::listener::ClientPeer;
use crate::observe::access::AccessLog;
use crate::observe::log_rate_limit::LogRateLimit;
use crate::observe::metrics::ServedGuard;
use crate::tls::HandshakePolicy;

/// The settings of the connections of one listener.
pub(crate) struct ListenerSettings {
    /// The listener's name in the metrics: its address in the configuration.
    pub(crate) label: Arc<str>,
    /// What they carry, TLS or plain HTTP.
    pub(crate) kind: ListenerProtocol,
    /// Where their requests enter.
    pub(crate) edge: Edge,
    /// The networks of proxies whose connections begin with a PROXY header.
    pub(crate) proxy_protocol_from: Vec<IpNet>,
    /// The time limit of the TLS handshake, the PROXY header included; `None` is unlimited.
    pub(crate) handshake: Option<Duration>,
    /// The time limits of requests and of the pauses between them.
    pub(crate) connection_timeouts: ConnectionTimeouts,
    /// The most bytes that a request's head may have.
    pub(crate) request_head: usize,
    /// What heads take that are only partly here.
    pub(crate) heads: HeadSpace,
    /// What answers take that HTTP/2 clients do not take.
    pub(crate) sends: SendSpace,
    /// Whether clients may open WebSockets over HTTP/2 (RFC 8441).
    pub(crate) http2_websockets: bool,
    /// The log for requests that cannot even be read.
    pub(crate) log: AccessLog,
    /// Limits the lines about clients whose certificates are not accepted.
    pub(crate) refused_certificates: LogRateLimit,
    /// Ends the connections that were opened under these settings, if the settings that replace these would not do for
    /// them. WebSockets stay.
    pub(crate) drain: Drain,
}

/// The settings of one listener, replaceable while it serves: a new connection begins with them, and a connection that
/// lives looks at them again with each request. Only the limit of a request's head stays what it was when the
/// connection began.
#[derive(Clone)]
pub(crate) struct LiveSettings(Arc<ArcSwap<ListenerSettings>>);

/// Which of a listener's edges a connection's requests enter by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EdgeChoice {
    /// The listener's own edge.
    Listener,
    /// The edge for plain HTTP on a listener that speaks TLS.
    PlainHttpOnTls,
}

impl LiveSettings {
    /// Live settings that begin as `settings`.
    pub(crate) fn new(settings: ListenerSettings) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(settings)))
    }

    /// The settings that are in force.
    pub(crate) fn load(&self) -> arc_swap::Guard<Arc<ListenerSettings>> {
        self.0.load()
    }

    /// Puts `settings` in force; returns the previous ones.
    pub(crate) fn replace(&self, settings: ListenerSettings) -> Arc<ListenerSettings> {
        self.0.swap(Arc::new(settings))
    }
}

impl ListenerSettings {
    /// Whether connections of this peer begin with a PROXY header.
    pub(super) fn announces(&self, peer: ClientPeer) -> bool {
        peer.ip().is_some_and(|ip| self.proxy_protocol_from.iter().any(|net| net.contains(&ip)))
    }

    /// The edge for the requests of connections that come this way.
    pub(super) fn edge(&self, way: EdgeChoice) -> &Edge {
        match (&self.kind, way) {
            (ListenerProtocol::Tls { plain_http_on_tls, .. }, EdgeChoice::PlainHttpOnTls) => plain_http_on_tls,
            _ => &self.edge,
        }
    }
}

/// What a listener's connections carry.
pub(crate) enum ListenerProtocol {
    /// TLS. A client that speaks plain HTTP by mistake is sent to the right place.
    Tls {
        /// The rules for their handshakes.
        handshakes: Arc<HandshakePolicy>,
        /// The edge that answers plain HTTP.
        plain_http_on_tls: Edge,
    },
    /// Plain HTTP.
    Plain,
}

/// The permits that a connection holds, for as long as it or its WebSocket lives.
pub(crate) type ConnectionPermits = (AcceptPermits, Option<PerClientPermit>);

/// The permits of a connection that is served, which the metrics count as such.
pub(crate) type ServedPermits = (ConnectionPermits, ServedGuard);

/// The permits that it holds from the beginning: one among all connections, and its count at its worker.
pub(crate) type AcceptPermits = (ConnectionPermit, LiveCountGuard);
