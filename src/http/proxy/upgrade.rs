//! WebSocket handshakes: one from the client, one to the gateway, and a tunnel if both succeed.
//!
//! No byte of the tunnel moves before the gateway's 101 is there and verified: bytes passed on earlier would be read by
//! the gateway as requests of their own.

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY};
use http::{Response, StatusCode};
use tokio::time::Instant;

use super::body::AnswerBody;
use super::forward::{Forwarder, to_gateway};
use super::tunnel::{GrantedTunnel, TunnelReport};
use super::websockets::OpenWebSockets;
use crate::config::AllowedOrigins;
use crate::http::auth::live_logins::LiveLogins;
use crate::http::edge::connection_info::Protocol;
use crate::http::edge::exchange::{RequestExchange, detached};
use crate::http::edge::permits::RequestPermit;
use crate::http::edge::websocket_permits::WebSocketPermits;
use crate::http::error::RequestFailure;
use crate::http::route::headers;
use crate::http::route::headers::ConnectionEffect;
use crate::observe::access::{AccessLine, AccessLog, AnsweredBy, RequestEnd};
use crate::observe::tunnel::TunnelOpening;
use crate::upstream::{EndpointDrains, WaitPurpose};
use crate::websocket::handshake;
use crate::websocket::handshake::NotSwitched;
use crate::websocket::relay::RelayEnd;
use crate::websocket::settings::RelaySettings;

/// The settings that upgrades need besides a gateway.
#[derive(Clone)]
pub(crate) struct UpgradeSettings {
    /// Which pages may open a WebSocket.
    pub(crate) allowed_origins: AllowedOrigins,
    /// The settings of relays.
    pub(crate) settings: Arc<RelaySettings>,
    /// The WebSockets that are open.
    pub(crate) open: OpenWebSockets,
    /// The endpoints that an operator has taken out.
    pub(crate) drains: EndpointDrains,
    /// How many of them each client network may have.
    pub(crate) permits: WebSocketPermits,
    /// The logins of those that are open.
    pub(crate) logins: LiveLogins,
    /// Where the log lines of WebSockets go.
    pub(crate) log: AccessLog,
}

/// Asks the gateway for a WebSocket. Granted: a 101, and the tunnel is left in the exchange's
/// [`UpgradeSlot`](super::tunnel::UpgradeSlot). Refused: the gateway's answer, as it is.
pub(in crate::http) async fn upgrade(
    forward: &Forwarder,
    upgrades: &UpgradeSettings,
    exchange: &mut RequestExchange,
    access: &mut AccessLine,
) -> Result<Response<AnswerBody>, RequestFailure> {
    let (headers, protocol) = (&exchange.head.headers, exchange.connection_info.protocol);
    let (origin, key) = (headers.get(ORIGIN).map(detached), headers.get(SEC_WEBSOCKET_KEY).map(detached));
    let host = exchange.host.to_str().unwrap_or_default();
    let allowed = &upgrades.allowed_origins;
    if !handshake::origin_allowed(allowed, origin.as_ref(), host, exchange.connection_info.secure) {
        return Err(RequestFailure::OriginNotAllowed);
    }
    let kept_out = |user: Option<&Arc<str>>, client| match upgrades.open.kept_out.check(user, client, Instant::now()) {
        Some(retry_after) => Err(RequestFailure::KeptOut { retry_after }),
        None => Ok(()),
    };
    let client = exchange.forwarding.client;
    kept_out(access.user.as_ref(), client)?;
    let websocket_permit = upgrades.permits.enter(client).await?;
    // Bytes that a client sends right behind its handshake stay in its connection until that is handed over.
    let handover = exchange.upgrade_slot.take().ok_or(RequestFailure::Internal)?;
    let mut opening = TunnelOpening {
        id: exchange.id.as_str().into(),
        client: access.client,
        protocol: protocol.as_str(),
        connection: exchange.connection_info.number,
        host: Some(exchange.host.as_bytes().into()),
        target: TunnelOpening::shown_part(exchange.target.as_str()).into(),
        subject: access.subject.clone(),
        user: access.user.clone(),
        route: access.route.clone(),
        gateway: None,
        endpoint: Arc::clone(&forward.upstream),
        tls: access.tls,
        trace: access.trace,
        span: access.span_begin(),
    };
    let ties = forward.ties(exchange);
    let request = to_gateway(exchange, &forward.protected, ConnectionEffect::Upgrade);
    exchange.give_back_head(access);
    let began = Instant::now();
    let (lease, mut response) =
        forward.exchange_fresh(exchange, request, (WaitPurpose::Upgrade, ties.to), access.began(), access).await?;
    access.upstream = Some(began.elapsed().saturating_sub(access.held.unwrap_or_default()));
    match handshake::verify(response.status(), response.headers(), key.as_ref()) {
        Ok(()) => {}
        // Over HTTP/2 a client would take the stream for an open WebSocket.
        Err(NotSwitched::Refused(status)) if status.is_success() && protocol == Protocol::Http2 => {
            return Err(RequestFailure::NoUpgrade);
        }
        Err(NotSwitched::Refused(status)) => {
            // The gateway may not be ready yet. Its answer goes through, and the next request looks first.
            if status == StatusCode::SERVICE_UNAVAILABLE {
                forward.hold_queue.suspect();
            }
            return Ok(forward.to_client(lease, response, ties, origin));
        }
        Err(NotSwitched::WrongAccept) => return Err(RequestFailure::WrongAccept),
        Err(NotSwitched::NotWebSocket | NotSwitched::NotUpgraded) => return Err(RequestFailure::NoUpgrade),
    }
    // An operator may have closed the client's others while this one waited for the gateway.
    kept_out(access.user.as_ref(), client)?;
    grant(&mut response, protocol);
    forward.tie(&mut response, ties, &lease);
    opening.gateway.clone_from(&access.gateway);
    if let Some(gateway) = &access.gateway {
        opening.endpoint = Arc::clone(gateway);
    }
    let local = lease.local_ip();
    let (link, counted) = lease.into_connection();
    let (io, first) = link.into_stream();
    handover.leave(GrantedTunnel {
        gateway: RelayEnd { io, first },
        settings: Arc::clone(&upgrades.settings),
        open: upgrades.open.clone(),
        drains: upgrades.drains.clone(),
        counted,
        login: exchange.login.clone().map(|login| (upgrades.logins.clone(), login)),
        permits: (exchange.permit.as_mut().map(RequestPermit::hand_on), websocket_permit),
        report: Box::new(TunnelReport {
            log: upgrades.log.clone(),
            opening: Arc::new(opening),
            hint: Arc::clone(&forward.hint),
            hold_queue: forward.hold_queue.clone(),
            local,
            origin,
        }),
    });
    access.ended = RequestEnd::Upgraded;
    access.answered_by = AnsweredBy::Gateway;
    Ok(response.map(|()| AnswerBody::empty()))
}

/// Makes the gateway's 101 what the client gets: the same, or over HTTP/2 a 200 without what belongs to a connection of its
/// own (RFC 8441 §5) and without a length (RFC 9110 §9.3.6).
fn grant(response: &mut Response<()>, protocol: Protocol) {
    match protocol {
        Protocol::Http1 => headers::to_client(response.headers_mut(), ConnectionEffect::Upgrade),
        Protocol::Http2 => {
            headers::to_client(response.headers_mut(), ConnectionEffect::Stays);
            response.headers_mut().remove(SEC_WEBSOCKET_ACCEPT);
            response.headers_mut().remove(CONTENT_LENGTH);
            *response.status_mut() = StatusCode::OK;
        }
    }
}
