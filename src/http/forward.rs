//! The request goes to the gateway and its answer comes back.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::ORIGIN;
use http::{HeaderValue, Request, Response, StatusCode, Uri, Version};
use tokio::time::timeout;

use super::attribution_watch::AttributionWatch;
use super::body::Body;
use super::error::{Cause, Failure, Flaw};
use super::exchange::Exchange;
use super::handle::Handle;
use super::header_rules;
use super::headers::{self, Connection};
use crate::observe::access::{Access, Ended};
use crate::observe::hint::Hint;
use crate::upstream::{Asked, ConnectError, Endpoints, Gate, Lease, NoConnection, RequestBody, SendError, TooLarge};

/// Sends requests to one gateway.
pub struct Forward {
    /// Its connections.
    pub endpoints: Endpoints,
    /// Where requests wait while it restarts.
    pub gate: Gate,
    /// Its address, or all of them, for the log.
    pub upstream: Arc<str>,
    /// Whether there are several gateways, so that a line says which one it was.
    pub named: bool,
    /// The longest silence of the gateway.
    pub read: Option<Duration>,
    /// Tells the operator what the gateway's configuration lacks.
    pub hint: Arc<Hint>,
}

impl Handle for Forward {
    async fn handle(&self, exchange: &mut Exchange, access: &mut Access) -> Result<Response<Body>, Failure> {
        let origin = exchange.head.headers.get(ORIGIN).cloned();
        let began = Instant::now();
        let (lease, response) = self.exchange(exchange, access).await?;
        access.upstream = Some(began.elapsed().saturating_sub(access.held.unwrap_or_default()));
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Failure::UnaskedUpgrade);
        }
        Ok(self.to_client(lease, response, origin))
    }
}

impl Forward {
    /// Sends the request over a connection that is there, or a fresh one. The gateway may close an idle connection in the very
    /// moment we use it: what it cannot have acted on is sent again.
    async fn exchange(
        &self,
        exchange: &mut Exchange,
        access: &mut Access,
    ) -> Result<(Lease, Response<hyper::body::Incoming>), Failure> {
        let mut request = to_gateway(exchange, Connection::Stays);
        if let Some(mut lease) = self.endpoints.reuse() {
            let repeatable = is_repeatable(&request);
            match self.send(&mut lease, request, access).await? {
                Ok(response) => return Ok((lease, response)),
                Err(SendError { error, .. }) if !is_gone(&error) => return Err(failure_of(error)),
                Err(SendError { unsent: Some(unsent), .. }) => request = *unsent,
                Err(SendError { unsent: None, .. }) if repeatable => {
                    request = to_gateway(exchange, Connection::Stays);
                }
                Err(SendError { error, .. }) => return Err(failure_of(error)),
            }
        }
        // Boxed: dialling takes much room, which every request would have to keep free.
        Box::pin(self.exchange_fresh(request, Asked::Request, access)).await
    }

    /// Sends the request over a fresh connection. A gateway that is restarting is waited for, as long as the request was not
    /// seen by it or may be sent again.
    pub(super) async fn exchange_fresh(
        &self,
        mut request: Request<RequestBody>,
        asked: Asked,
        access: &mut Access,
    ) -> Result<(Lease, Response<hyper::body::Incoming>), Failure> {
        let mut wait = self.gate.enter(asked);
        let mut others = self.endpoints.all().len() - 1;
        loop {
            let dialled = wait.connection(&self.endpoints).await;
            access.held = wait.held();
            let mut lease = dialled.map_err(|error| self.no_connection(error))?;
            let (copy, blamed) = (repeatable(&request), lease.blame());
            match wait.answer(self.send(&mut lease, request, access)).await? {
                Ok(response) => {
                    wait.up();
                    lease.worked();
                    return Ok((lease, response));
                }
                Err(SendError { error, unsent }) => match unsent.map(|request| *request).or(copy) {
                    // Another gateway is asked at once, and when none is left it is an outage.
                    Some(again) if is_gone(&error) && others > 0 && self.endpoints.failed(&blamed) => {
                        others -= 1;
                        request = again;
                    }
                    Some(again) if is_gone(&error) && wait.cut() => request = again,
                    _ => return Err(failure_of(error)),
                },
            }
        }
    }

    fn no_connection(&self, error: NoConnection) -> Failure {
        let cause: Cause = format!("{}: {error}", self.upstream).into();
        match error {
            NoConnection::HeldInVain(_) | NoConnection::LongDown | NoConnection::Full => {
                Failure::GatewayStarting(cause)
            }
            NoConnection::Draining => Failure::Draining,
            NoConnection::Failed(error) => match error {
                ConnectError::Refused => Failure::GatewayNotRunning(cause),
                ConnectError::Resolve { .. } => Failure::GatewayNotFound(cause),
                ConnectError::TimedOut(_) => Failure::ConnectTimeout,
                ConnectError::Tls(_) => Failure::GatewayTls(cause),
                ConnectError::Io(error) => Failure::connecting(error),
            },
        }
    }

    /// Sends one request and waits for the answer's head.
    async fn send(
        &self,
        lease: &mut Lease,
        request: Request<RequestBody>,
        access: &mut Access,
    ) -> Result<Result<Response<hyper::body::Incoming>, SendError>, Failure> {
        if self.named {
            access.gateway = Some(Arc::clone(lease.endpoint().unwrap_or(&self.upstream)));
        }
        let Some(limit) = self.read else { return Ok(lease.exchange(request).await) };
        timeout(limit, lease.exchange(request)).await.map_err(|_| {
            access.ended = Ended::TimedOut;
            Failure::ReadTimeout
        })
    }

    /// The gateway's answer as the client gets it; its body follows over `lease`.
    pub(super) fn to_client(
        &self,
        lease: Lease,
        mut response: Response<hyper::body::Incoming>,
        origin: Option<HeaderValue>,
    ) -> Response<Body> {
        let watch = AttributionWatch::over(&response, &self.hint, lease.local_ip(), origin);
        headers::to_client(response.headers_mut(), Connection::Stays);
        response.map(|incoming| Body::from_gateway(incoming, lease, self.read, watch))
    }
}

/// The request as the gateway gets it; the exchange keeps all but the body.
pub(super) fn to_gateway(exchange: &mut Exchange, connection: Connection) -> Request<RequestBody> {
    let head = &exchange.head;
    let mut fields = headers::to_gateway(head, &exchange.host, &exchange.forwarding, connection);
    if let Some(rules) = &exchange.rules {
        header_rules::apply(rules, &mut fields);
    }
    if let Some((name, user)) = &exchange.user {
        fields.insert(name, user.clone());
    }
    let mut request = Request::new(std::mem::take(&mut exchange.body));
    request.method_mut().clone_from(&head.method);
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = fields;
    // In them hyper keeps how the client spelt the field names.
    request.extensions_mut().clone_from(&head.extensions);
    *request.uri_mut() = Uri::from(exchange.target.clone());
    request
}

/// Whether a request may be sent twice (RFC 9110 §9.2.2) and has no body that could be gone.
fn is_repeatable(request: &Request<RequestBody>) -> bool {
    request.body().is_empty() && request.method().is_idempotent()
}

/// A second copy of a request, if it may be sent twice.
fn repeatable(request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
    if !is_repeatable(request) {
        return None;
    }
    let mut copy = Request::new(RequestBody::Empty);
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    copy.extensions_mut().clone_from(request.extensions());
    Some(copy)
}

/// The connection ended before a byte of the answer.
fn is_gone(error: &hyper::Error) -> bool {
    error.is_canceled()
        || error.is_closed()
        || error.is_incomplete_message()
        || cause::<std::io::Error>(error).is_some()
}

/// Why there is no answer.
fn failure_of(error: hyper::Error) -> Failure {
    if cause::<TooLarge>(&error).is_some() {
        Failure::BodyTooLarge
    } else if error.is_user() {
        Failure::BadRequest(Flaw::BodyCutShort)
    } else if error.is_parse() {
        Failure::GatewayNonsense(error.into())
    } else {
        Failure::GatewayClosed(error.into())
    }
}

fn cause<E: Error + 'static>(error: &hyper::Error) -> Option<&E> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        source = error.source();
    }
    None
}
