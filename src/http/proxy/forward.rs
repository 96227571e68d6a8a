//! [`Forwarder`]: sends a request to the gateway and passes its answer back.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ORIGIN, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use tokio::time::{Instant, timeout};

use super::attribution_watch::AttributionWatch;
use super::body::AnswerBody;
use super::compression::{Compressed, Compression};
use super::sticky::{StickyCookie, StickyPlace};
use crate::config::HashBy;
use crate::http::auth::navigation::RequestMode;
use crate::http::auth::session::store::unix_now;
use crate::http::edge::exchange::RequestExchange;
use crate::http::edge::request_handler::RequestHandler;
use crate::http::error::{BadRequest, FailureCause, RequestFailure};
use crate::http::route::header_rules;
use crate::http::route::headers;
use crate::http::route::headers::{ConnectionEffect, FieldFilter};
use crate::http::route::protected::ProtectedFields;
use crate::listener::Network;
use crate::observe::access::{AccessLine, RequestEnd};
use crate::observe::gateway_hint::GatewayHint;
use crate::tls::TlsFault;
use crate::upstream;
use crate::upstream::{
    BodyStalled, ConnectError, EncodedRequest, EndpointTie, Endpoints, GatewayTimeouts, H1Error, HoldQueue,
    HoldRequest, Lease, NoConnection, SendError, TooLarge, WaitPurpose, shorter, size, stable_hash,
};

/// Sends requests to one gateway.
pub(crate) struct Forwarder {
    /// The connections to the gateway.
    pub(crate) endpoints: Endpoints,
    /// The cookie that leads a client back to its gateway.
    pub(crate) sticky: Option<StickyCookie>,
    /// Where requests wait while the gateway restarts.
    pub(crate) hold_queue: HoldQueue,
    /// The gateway's address, or all of them, for the log.
    pub(crate) upstream: Arc<str>,
    /// Whether there are several gateways, so that a log line names the one that was used.
    pub(crate) named: bool,
    /// The fields that not every client may send.
    pub(crate) protected: Arc<ProtectedFields>,
    /// How long each side may stand still.
    pub(crate) times: ExchangeTimeouts,
    /// Tells the operator what the gateway's configuration lacks.
    pub(crate) hint: Arc<GatewayHint>,
    /// Compresses the gateway's static answers.
    pub(crate) compression: Option<Compression>,
}

/// How long each side of an exchange may stand still; `None` is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExchangeTimeouts {
    /// How long the gateway may send nothing, once it has the request.
    pub(crate) read: Option<Duration>,
    /// How long the gateway may take not one byte of the request, or the client of the answer.
    pub(crate) send: Option<Duration>,
    /// How long the client may send not one byte of its request's body, or take not one byte of the answer.
    pub(crate) progress: Option<Duration>,
}

impl RequestHandler for Forwarder {
    async fn handle(
        &self,
        exchange: &mut RequestExchange,
        access: &mut AccessLine,
    ) -> Result<Response<AnswerBody>, RequestFailure> {
        let began = Instant::now();
        let ties = self.ties(exchange);
        let (lease, mut response) = self.exchange(exchange, ties.to, access).await?;
        // Not before: it would keep all of the head.
        let origin = exchange.head.headers.get(ORIGIN).cloned();
        access.upstream = Some(began.elapsed().saturating_sub(access.held.unwrap_or_default()));
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(RequestFailure::UnaskedUpgrade);
        }
        let compressed = match &self.compression {
            Some(compression) => compression.apply(&exchange.head, &mut response),
            None => Compressed::No,
        };
        let mut answer = self.to_client(lease, response, ties, origin);
        if answer.status() == StatusCode::FORBIDDEN
            && RequestMode::of(&exchange.head.headers) == RequestMode::Navigation
            && Box::pin(refuses_proxy(answer.body_mut())).await
        {
            let is_local = exchange.forwarding.client.is_some_and(|ip| ip.to_canonical().is_loopback());
            return Err(if is_local { RequestFailure::LocalByName } else { RequestFailure::AttributionRequired });
        }
        Ok(match compressed {
            Compressed::No => answer,
            Compressed::Gzip(gzip) => answer.map(|body| body.compressed(gzip)),
            Compressed::NotModified => answer.map(|_| AnswerBody::empty()),
        })
    }
}

/// Whether the gateway refuses what comes by this proxy (rule 6). A gateway that leaves its refusal unfinished gets no page.
async fn refuses_proxy(answer: &mut AnswerBody) -> bool {
    timeout(REFUSAL_TIME, answer.refuses_proxy()).await.unwrap_or(false)
}

/// What ties a request to a gateway, and the cookie that says so.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::http) struct RequestTies {
    pub(in crate::http) to: EndpointTie,
    place: Option<StickyPlace>,
}

impl Forwarder {
    /// What ties the request to a gateway; to be asked before its head is given back.
    pub(in crate::http) fn ties(&self, exchange: &RequestExchange) -> RequestTies {
        let headers = &exchange.head.headers;
        let place = self.sticky.as_ref().and_then(|sticky| sticky.read(headers, unix_now()));
        let network = || exchange.forwarding.client.map(|ip| stable_hash(&Network::of(ip).octets()));
        let client = match self.endpoints.hash_by() {
            None => None,
            Some(HashBy::Network) => network(),
            Some(HashBy::Header(name)) => headers.get(name).map(|value| stable_hash(value.as_bytes())).or_else(network),
        };
        RequestTies { to: EndpointTie { was_at: place.map(|place| place.endpoint), client }, place }
    }

    /// Lets the client's cookie say which gateway has answered.
    pub(in crate::http) fn tie(&self, response: &mut Response<()>, ties: RequestTies, lease: &Lease) {
        if let Some(sticky) = &self.sticky
            && let Some(endpoint) = self.endpoints.id_of(lease)
            && let Some(cookie) = sticky.renewed(ties.place, endpoint, unix_now())
        {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }

    /// Sends the request over a connection that is there, or a fresh one. The gateway may close an idle connection in
    /// the very moment it is used: a request that the gateway cannot have acted on is sent again.
    async fn exchange(
        &self,
        exchange: &mut RequestExchange,
        tie: EndpointTie,
        access: &mut AccessLine,
    ) -> Result<(Lease, Response<()>), RequestFailure> {
        exchange.body.must_move_within(self.times.progress);
        let mut request = to_gateway(exchange, &self.protected, ConnectionEffect::Stays);
        exchange.give_back_head(access);
        let mut began = access.began();
        if let Some(mut lease) = self.endpoints.tied(tie).reuse() {
            match self.send(&mut lease, request, access).await {
                Ok(response) => return Ok((lease, response)),
                Err(SendError { error, request: Some(again), again: true }) if error.is_gone() => {
                    // The gateway may have been at work on the request for long.
                    (request, began) = (again, Instant::now());
                }
                Err(failed) => return Err(failure_of(failed, exchange, access)),
            }
        }
        // Boxed: dialling takes much room, which every request would have to keep free.
        Box::pin(self.exchange_fresh(exchange, request, (WaitPurpose::Request, tie), began, access)).await
    }

    /// Sends the request, which `began` at that time, over a fresh connection. A gateway that is restarting is waited
    /// for, as long as the request was not seen by it or may be sent again.
    pub(in crate::http) async fn exchange_fresh(
        &self,
        exchange: &mut RequestExchange,
        mut request: Box<EncodedRequest>,
        (asked, tie): (WaitPurpose, EndpointTie),
        began: Instant,
        access: &mut AccessLine,
    ) -> Result<(Lease, Response<()>), RequestFailure> {
        let client = access.client.addr.map(Network::of);
        let mut wait = self.hold_queue.enter(HoldRequest { asked, began, client, bytes: request.weight() });
        let endpoints = self.endpoints.tied(tie);
        let mut others = self.endpoints.count().saturating_sub(1);
        loop {
            let dialled = wait.connection(&endpoints).await;
            access.held = wait.held();
            let mut lease = match dialled {
                Ok(lease) => lease,
                Err(error) => {
                    exchange.body = request.into_body();
                    return Err(self.no_connection(error));
                }
            };
            let blamed = lease.blame();
            match wait.answer(self.send(&mut lease, request, access)).await {
                Ok(response) => {
                    wait.up();
                    lease.worked();
                    return Ok((lease, response));
                }
                Err(failed) => {
                    // A question for its readiness needs a connection of its own, and each request has one.
                    drop(lease);
                    if !failed.again || !failed.error.is_gone() {
                        return Err(failure_of(failed, exchange, access));
                    }
                    // A gateway that is ready hung up on this request alone.
                    if others > 0 && blamed.is_ready().await {
                        return Err(failure_of(failed, exchange, access));
                    }
                    // Another gateway is asked at once, and when none is left it may be an outage.
                    if others > 0 && self.endpoints.failed(&blamed) {
                        others -= 1;
                    } else if !wait.cut(&endpoints).await {
                        return Err(failure_of(failed, exchange, access));
                    }
                    match failed.request {
                        Some(again) => request = again,
                        None => return Err(RequestFailure::Internal),
                    }
                }
            }
        }
    }

    fn no_connection(&self, error: NoConnection) -> RequestFailure {
        let cause: FailureCause = format!("{}: {error}", self.upstream).into();
        match error {
            NoConnection::HeldInVain(_) | NoConnection::LongDown | NoConnection::Full => {
                RequestFailure::GatewayStarting(cause)
            }
            NoConnection::Draining => RequestFailure::Draining,
            NoConnection::Unnamed => RequestFailure::GatewayNotFound(cause),
            NoConnection::TakenOut => RequestFailure::GatewayTakenOut(cause),
            NoConnection::Failed(error) => match error {
                ConnectError::Refused => RequestFailure::GatewayNotRunning(cause),
                ConnectError::Draining => RequestFailure::GatewayTakenOut(cause),
                ConnectError::Resolve { .. } | ConnectError::NoGateways(_) => RequestFailure::GatewayNotFound(cause),
                ConnectError::TimedOut(_) => RequestFailure::ConnectTimeout,
                ConnectError::Itself(_) => RequestFailure::GatewayIsFrontgate(cause),
                ConnectError::Tls(error) => RequestFailure::GatewayTls(TlsFault::of(&error), cause),
                ConnectError::Exhausted { .. } => RequestFailure::Exhausted(cause),
                ConnectError::Io(error) => RequestFailure::connecting(error),
            },
        }
    }

    /// Sends one request and waits for the answer's head.
    async fn send(
        &self,
        lease: &mut Lease,
        request: Box<EncodedRequest>,
        access: &mut AccessLine,
    ) -> Result<Response<()>, SendError> {
        if self.named {
            access.gateway = Some(Arc::clone(lease.endpoint().map_or(&self.upstream, |endpoint| endpoint.name())));
        }
        let connection_timeouts = GatewayTimeouts { send: self.times.send, read: self.times.read };
        lease.exchange_within(connection_timeouts, request).await
    }

    /// The gateway's answer as the client gets it; its body follows over `lease`.
    pub(in crate::http) fn to_client(
        &self,
        lease: Lease,
        mut response: Response<()>,
        ties: RequestTies,
        origin: Option<HeaderValue>,
    ) -> Response<AnswerBody> {
        let watch = AttributionWatch::over(&response, &self.hint, lease.local_ip(), origin);
        headers::to_client(response.headers_mut(), ConnectionEffect::Stays);
        self.tie(&mut response, ties, &lease);
        let take = shorter(self.times.send, self.times.progress);
        response.map(|()| AnswerBody::from_gateway(lease, watch).taken_within(take))
    }
}

/// The request as the gateway gets it; the exchange keeps everything but the body.
pub(in crate::http) fn to_gateway(
    exchange: &mut RequestExchange,
    protected: &ProtectedFields,
    connection: ConnectionEffect,
) -> Box<EncodedRequest> {
    let body = std::mem::take(&mut exchange.body);
    let (head, host, forwarding) = (&exchange.head, &exchange.host, &exchange.forwarding);
    let ours = forwarding.fields.iter().map(|(name, value)| size(name, value)).sum::<usize>();
    let came = head.headers.iter().map(|(name, value)| size(name, value)).sum::<usize>();
    let room = came + ours + host.len() + UPGRADE_FIELDS;
    let target = exchange.stripped_target.as_ref().unwrap_or(&exchange.target);
    let mut writer = EncodedRequest::writer(&head.method, target, body, room);
    let rules = exchange.rules.as_deref();
    let passing = FieldFilter { forwarding, protected, basic_is_ours: exchange.basic_is_ours, rules };
    let identity = exchange.login.as_ref().map_or(&[][..], |login| &login.user.fields);
    if rules.is_none() && identity.is_empty() {
        headers::to_gateway(head, host, passing, connection, |name, value| writer.field(name, value));
        return writer.end();
    }
    let mut fields = HeaderMap::with_capacity(head.headers.len() + forwarding.fields.len() + 3);
    headers::to_gateway(head, host, passing, connection, |name, value| {
        fields.append(name, value.clone());
    });
    if let Some(rules) = rules {
        header_rules::apply(rules, &mut fields);
    }
    for (name, _) in identity {
        fields.remove(name);
    }
    for (name, value) in identity {
        fields.append(name, value.clone());
    }
    for (name, value) in &fields {
        writer.field(name, value);
    }
    writer.end()
}

/// The failure for which there is no answer. The exchange gets back the part of the request's body that was not sent:
/// the client may still be sending it.
fn failure_of(failed: SendError, exchange: &mut RequestExchange, access: &mut AccessLine) -> RequestFailure {
    let stalled = matches!(&failed.error, H1Error::Body(error) if error.is::<BodyStalled>());
    if stalled || matches!(failed.error, H1Error::Silent | H1Error::Untaken) {
        access.ended = RequestEnd::TimedOut;
    }
    if let Some(request) = failed.request
        && !stalled
    {
        exchange.body = request.into_body();
    }
    match failed.error {
        H1Error::Body(_) if stalled => RequestFailure::RequestTimeout,
        H1Error::Body(error) if error.is::<TooLarge>() => RequestFailure::BodyTooLarge,
        H1Error::Body(error) if error.is::<upstream::ParseError>() => {
            RequestFailure::BadRequest(BadRequest::BadFraming)
        }
        H1Error::Body(_) => RequestFailure::BadRequest(BadRequest::BodyCutShort),
        H1Error::Untaken => RequestFailure::SendTimeout,
        H1Error::Silent => RequestFailure::ReadTimeout,
        H1Error::InvalidResponse(_) => RequestFailure::InvalidResponse(failed.error.into()),
        // In TLS 1.3 a server says only after the handshake that it does not want this client (RFC 8446 §4.4.2.4).
        H1Error::Io(ref io) if TlsFault::of(io) == TlsFault::ClientCertificate => {
            RequestFailure::GatewayTls(TlsFault::ClientCertificate, failed.error.into())
        }
        error => RequestFailure::GatewayClosed(error.into()),
    }
}

/// How long the rest of a refusal is waited for, once its head is there: the gateway sends both at once.
const REFUSAL_TIME: Duration = Duration::from_secs(2);
/// Bytes for the fields of an upgrade, and for the name of `Host`.
const UPGRADE_FIELDS: usize = 64;
