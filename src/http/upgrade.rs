//! WebSocket handshakes: one from the client, one to the gateway, and a tunnel if both succeed.
//!
//! No byte of the tunnel moves before the gateway's 101 is there and verified: bytes passed on earlier would be read by the
//! gateway as requests of their own.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http::header::{ORIGIN, SEC_WEBSOCKET_KEY};
use http::{HeaderValue, Response};

use super::body::Body;
use super::error::Failure;
use super::exchange::Exchange;
use super::forward::{Forward, failure_of, to_gateway};
use super::headers::{self, Connection};
use crate::config::AllowedOrigins;
use crate::drain::Drain;
use crate::observe::access::{Access, AccessLog, AnsweredBy, Ended};
use crate::observe::hint::{Hint, Refusal};
use crate::observe::tunnel;
use crate::tls::Stream;
use crate::websocket::buffers::Buffers;
use crate::websocket::handshake::{self, NotSwitched};
use crate::websocket::relay::{End, Relay, Settings, SideSummary, Summary};

/// What upgrades need besides a gateway.
#[derive(Debug, Clone)]
pub struct Upgrades {
    /// Whose pages may open a WebSocket.
    pub allowed_origins: AllowedOrigins,
    /// What relays go by.
    pub settings: Arc<Settings>,
    /// Where relays borrow memory.
    pub buffers: Arc<Buffers>,
    /// Where a WebSocket's line goes.
    pub log: AccessLog,
}

/// Where an upgrade leaves its tunnel for the connection, which hands its stream over once the 101 is written.
#[derive(Debug, Default)]
pub struct Handover(Mutex<Option<Tunnel>>);

/// A WebSocket that the gateway has granted and the client is about to have.
pub struct Tunnel {
    gateway: End<Stream>,
    settings: Arc<Settings>,
    buffers: Arc<Buffers>,
    log: AccessLog,
    line: tunnel::Tunnel,
    hint: Arc<Hint>,
    local: Option<IpAddr>,
    origin: Option<HeaderValue>,
}

/// Asks the gateway for a WebSocket. Granted: a 101, and the tunnel is left in the exchange's [`Handover`]. Refused: the
/// gateway's answer, as it is.
pub(super) async fn upgrade(
    forward: &Forward,
    mut exchange: Exchange,
    access: &mut Access,
) -> Result<Response<Body>, Failure> {
    let headers = &exchange.head.headers;
    let (origin, key) = (headers.get(ORIGIN).cloned(), headers.get(SEC_WEBSOCKET_KEY).cloned());
    let host = exchange.host.to_str().unwrap_or_default();
    let allowed = &forward.upgrades.allowed_origins;
    if !handshake::origin_allowed(allowed, origin.as_ref(), host, exchange.arrival.secure) {
        return Err(Failure::OriginNotAllowed);
    }
    // What a client sends right behind its handshake stays in its connection until that is handed over.
    let handover = exchange.handover.take().ok_or(Failure::Internal)?;
    let line = tunnel::Tunnel {
        id: exchange.id.to_string(),
        client: access.client,
        host: Some(exchange.host.clone()),
        target: exchange.target.as_str().to_owned(),
        duration: std::time::Duration::ZERO,
        ended: "",
        clean: false,
        from_client: tunnel::Leg::default(),
        from_gateway: tunnel::Leg::default(),
    };
    let request = to_gateway(exchange, Connection::Upgrade);
    let began = Instant::now();
    let mut lease = forward.dial().await?;
    let mut response = forward.send(&mut lease, request, access).await?.map_err(|failed| failure_of(failed.error))?;
    access.upstream = Some(began.elapsed());
    match handshake::verify(response.status(), response.headers(), key.as_ref()) {
        Ok(()) => {}
        Err(NotSwitched::Refused(_)) => return Ok(forward.to_client(lease, response, origin)),
        Err(NotSwitched::WrongAccept) => return Err(Failure::WrongAccept),
        Err(NotSwitched::NotWebSocket | NotSwitched::NotUpgraded) => return Err(Failure::NoUpgrade),
    }
    headers::to_client(response.headers_mut(), Connection::Upgrade);
    let local = lease.local_ip();
    let (io, first) = lease.into_link().into_stream();
    handover.leave(Tunnel {
        gateway: End { io, first },
        settings: Arc::clone(&forward.upgrades.settings),
        buffers: Arc::clone(&forward.upgrades.buffers),
        log: forward.upgrades.log.clone(),
        line,
        hint: Arc::clone(&forward.hint),
        local,
        origin,
    });
    access.ended = Ended::Upgraded;
    access.answered_by = AnsweredBy::Gateway;
    Ok(response.map(|_| Body::empty()))
}

impl Handover {
    fn leave(&self, tunnel: Tunnel) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
    }

    /// The tunnel, if a request on this connection got one.
    pub fn take(&self) -> Option<Tunnel> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Tunnel {
    /// Joins the client's stream, of which `first` was read too far already, with the gateway's. `guard` is held to the end.
    pub fn start(self, client: Stream, first: Bytes, guard: impl Send + 'static, drain: &Drain) {
        let watched = drain.clone();
        drain.spawn(async move {
            let Self { gateway, settings, buffers, log, line, hint, local, origin } = self;
            let relay = Relay::new(End { io: client, first }, gateway, settings);
            let summary = relay.run(&buffers, &watched).await;
            advise(&hint, &summary, local, origin.as_ref());
            log.websocket(&told(line, summary));
            drop(guard);
        });
    }
}

impl std::fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tunnel").field("id", &self.line.id).finish_non_exhaustive()
    }
}

/// Rule 6: a gateway that closes because of its configuration is reported to its operator.
fn advise(hint: &Hint, summary: &Summary, local: Option<IpAddr>, origin: Option<&HeaderValue>) {
    let Some(close) = &summary.gateway.said else { return };
    let refusal = close.code.and_then(|code| Refusal::of(code, close.reason.as_bytes()));
    let origin = origin.map(HeaderValue::as_bytes);
    let advice = match refusal {
        None => None,
        Some(Refusal::Origin) => hint.origin(Instant::now(), origin),
        Some(Refusal::Attribution) => hint.attribution(Instant::now(), local, origin),
    };
    if let Some(advice) = advice {
        advice.warn();
    }
}

/// The line of a WebSocket that has ended.
fn told(line: tunnel::Tunnel, summary: Summary) -> tunnel::Tunnel {
    let Summary { ended, lasted, clean, client, gateway } = summary;
    tunnel::Tunnel {
        duration: lasted,
        ended: ended.as_str(),
        clean,
        from_client: leg(&client, &gateway),
        from_gateway: leg(&gateway, &client),
        ..line
    }
}

/// One side: what came from it, and the Close that went there, ours or the other peer's.
fn leg(side: &SideSummary, other: &SideSummary) -> tunnel::Leg {
    const NO_CODE: u16 = 1005;
    let (measured, took) = side.pings.measured;
    tunnel::Leg {
        frames: side.sent.frames,
        messages: side.sent.messages,
        bytes: side.sent.bytes,
        pings: side.pings.sent,
        round_trip: side.pings.last,
        round_trip_average: took.checked_div(measured),
        close_received: side.said.as_ref().map(|close| close.code.unwrap_or(NO_CODE)),
        close_sent: side.told.or_else(|| other.said.as_ref().map(|close| close.code.unwrap_or(NO_CODE))),
        reason: side.said.as_ref().map(|close| close.reason.clone().into_bytes()).unwrap_or_default(),
    }
}
