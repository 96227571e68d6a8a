//! [`GrantedTunnel`]: a WebSocket that the gateway has granted, from its 101 to its log line.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::HeaderValue;
use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::websockets::OpenWebSockets;
use crate::drain::Drain;
use crate::http::auth::live_logins::{LiveLink, LiveLogins, OpeningLogin};
use crate::http::edge::permits::GatewayPermit;
use crate::http::edge::websocket_permits::WebSocketPermit;
use crate::io::{BufferPool, LiveCountGuard, Readable};
use crate::observe::access::AccessLog;
use crate::observe::gateway_hint::{CloseRefusal, GatewayHint};
use crate::observe::tunnel;
use crate::observe::tunnel::TunnelOpening;
use crate::tls::ByteStream;
use crate::upstream::{EndpointDrains, HoldQueue};
use crate::websocket::close::WebSocketEnd;
use crate::websocket::relay::{Relay, RelayEnd};
use crate::websocket::settings::RelaySettings;
use crate::websocket::summary::{RelaySummary, SideSummary};

/// Where an upgrade leaves its tunnel for the connection, which hands its stream over once the 101 is written.
#[derive(Debug, Default)]
pub(crate) struct UpgradeSlot(Mutex<Option<GrantedTunnel>>);

/// A WebSocket that the gateway has granted and the client is about to have.
pub(crate) struct GrantedTunnel {
    pub(in crate::http) gateway: RelayEnd<ByteStream>,
    pub(in crate::http) settings: Arc<RelaySettings>,
    pub(in crate::http) open: OpenWebSockets,
    /// The endpoints that an operator has taken out.
    pub(in crate::http) drains: EndpointDrains,
    /// Counts the WebSocket as one that the gateway serves, and as one that comes from its source.
    pub(in crate::http) counted: [Option<LiveCountGuard>; 2],
    /// The permits for its connection to the gateway, and for one more WebSocket of its client.
    pub(in crate::http) permits: (Option<GatewayPermit>, WebSocketPermit),
    /// The login that it was opened with, and those of others.
    pub(in crate::http) login: Option<(LiveLogins, OpeningLogin)>,
    pub(in crate::http) report: Box<TunnelReport>,
}

/// What is logged and reported when the WebSocket has ended. Apart from the relay, so that the task carries one pointer
/// instead of copies.
pub(in crate::http) struct TunnelReport {
    pub(in crate::http) log: AccessLog,
    pub(in crate::http) opening: Arc<TunnelOpening>,
    pub(in crate::http) hint: Arc<GatewayHint>,
    pub(in crate::http) hold_queue: HoldQueue,
    pub(in crate::http) local: Option<IpAddr>,
    pub(in crate::http) origin: Option<HeaderValue>,
}

impl UpgradeSlot {
    pub(in crate::http) fn leave(&self, tunnel: GrantedTunnel) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
    }

    /// The tunnel, if a request on this connection got one.
    pub(crate) fn take(&self) -> Option<GrantedTunnel> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl GrantedTunnel {
    /// Joins the client's stream, of which `first` was read too far already, with the gateway's. Memory is borrowed from
    /// `buffers`; `guard` is held to the end.
    pub(crate) fn start<S>(
        self,
        client: S,
        first: Bytes,
        buffers: Arc<BufferPool>,
        guard: impl Send + 'static,
        drain: &Drain,
    ) where
        S: Readable + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { gateway, settings, open, drains, counted, login, permits, report } = self;
        // Created out here and captured: a value that is moved into a local of the task has room in it twice.
        let mut relay = Relay::new(RelayEnd { io: client, first }, gateway, settings);
        relay.count_in(&report.log.metrics().websockets.relay.here());
        relay.name(Arc::clone(&report.opening));
        let entered = open.enter(Arc::clone(&report.opening), relay.relay_stats());
        // It was taken out while it answered: what ends its WebSockets has not seen this one.
        if drains.has(&report.opening.endpoint) {
            relay.relay_stats().leave_endpoint();
        }
        // Boxed: most have no login, and the task has room for what it holds.
        let live = login.map(|(logins, login)| Box::new(logins.enter(login, LiveLink::WebSocket(relay.relay_stats()))));
        let watched = drain.clone();
        drain.spawn(async move {
            let summary = relay.run(&buffers, &watched).await;
            report.make(summary);
            // The sockets first: the connection that takes the permit of this link finds their files free.
            drop((relay, guard, entered, live, counted, permits));
        });
    }
}

impl TunnelReport {
    fn make(self, summary: RelaySummary) {
        if announces_restart(&summary) {
            self.hold_queue.suspect();
        }
        advise(&self.hint, &summary, self.local, self.origin.as_ref());
        self.log.websocket(&told(self.opening, summary));
    }
}

impl std::fmt::Debug for GrantedTunnel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tunnel").field("id", &self.report.opening.id).finish_non_exhaustive()
    }
}

/// Rule 6: a gateway that closes because of its configuration is reported to its operator.
fn advise(hint: &GatewayHint, summary: &RelaySummary, local: Option<IpAddr>, origin: Option<&HeaderValue>) {
    let Some(close) = &summary.gateway.said else { return };
    let refusal = close.code.and_then(|code| CloseRefusal::of(code, close.reason.as_bytes()));
    let origin = origin.map(HeaderValue::as_bytes);
    let advice = match refusal {
        None => None,
        Some(CloseRefusal::Origin) => hint.origin(Instant::now(), origin),
        Some(CloseRefusal::Attribution) => hint.attribution(Instant::now(), local, origin),
    };
    if let Some(advice) = advice {
        advice.warn();
    }
}

/// Whether the gateway was about to restart, or in the middle of it: it says so (1012 service restart, 1013 gateway
/// starting), or is gone.
fn announces_restart(summary: &RelaySummary) -> bool {
    let said = summary.gateway.said.as_ref().and_then(|close| close.code);
    summary.ended == WebSocketEnd::GatewayLost || matches!(said, Some(1012 | 1013))
}

/// The line of a WebSocket that has ended.
fn told(opening: Arc<TunnelOpening>, summary: RelaySummary) -> tunnel::TunnelLine {
    let RelaySummary { ended, lasted, clean, client, gateway } = summary;
    tunnel::TunnelLine {
        opening,
        duration: lasted,
        ended: ended.as_str(),
        clean,
        from_client: leg(&client, &gateway),
        from_gateway: leg(&gateway, &client),
    }
}

/// The log line of one side: the frames that came from it, and the Close that went there, frontgate's or the other
/// peer's.
fn leg(side: &SideSummary, other: &SideSummary) -> tunnel::TunnelLegLine {
    let (measured, took) = side.pings.measured();
    tunnel::TunnelLegLine {
        frames: side.sent.frames,
        messages: side.sent.messages,
        bytes: side.sent.bytes,
        pings: side.pings.sent(),
        round_trip: side.pings.last(),
        round_trip_average: took.checked_div(measured),
        close_received: said(side),
        close_sent: side.told.or_else(|| side.closed.then(|| said(other)).flatten()),
        reason: side.said.as_ref().map(|close| close.reason.clone().into_bytes()).unwrap_or_default(),
    }
}

/// The code of the Close that came from `side`; 1005 if it had none (RFC 6455 §7.1.5).
fn said(side: &SideSummary) -> Option<u16> {
    side.said.as_ref().map(|close| close.code.unwrap_or(1005))
}
