//! [`Edge`]: what every request passes before its route is known, and what every answer gets.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::EXPECT;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response};

use super::body_discard::{SMALL_BODY, SMALL_BODY_TIME};
use super::connection_info::ConnectionInfo;
use super::connection_state::RequestUnderWay;
use super::exchange::RequestExchange;
use super::forwarded::Forwarding;
use super::permits::Permits;
use super::request_handler::RequestHandler;
use super::request_id::{RequestId, X_REQUEST_ID};
use super::trace_context::TraceSettings;
use super::{attribution, body_limit, hsts, target, trace_context};
use crate::config::{Forwarded, Hsts};
use crate::http::error::RequestFailure;
use crate::http::pages::error_page::ErrorPages;
use crate::http::proxy::body::AnswerBody;
use crate::http::proxy::tunnel::UpgradeSlot;
use crate::observe::access::{AccessLine, AccessLog, LoggedClient};
use crate::upstream::{BodySource, RequestBody};
use crate::websocket::handshake;

/// The settings of an [`Edge`].
#[derive(Debug, Clone)]
pub(crate) struct EdgeSettings {
    /// Which proxies are believed about the client.
    pub(crate) forwarded: Forwarded,
    /// When browsers are told to use nothing but https.
    pub(crate) hsts: Hsts,
    /// The most bytes of a request's body; `None` is unlimited.
    pub(crate) request_body: Option<u64>,
    /// The permits of requests to be under way.
    pub(crate) permits: Permits,
    /// For how long a client may send nothing of a request's body, or take nothing of an answer of frontgate's own.
    pub(crate) progress: Option<Duration>,
    /// What becomes of the traces that requests belong to.
    pub(crate) trace: TraceSettings,
    /// Where the log lines of requests go.
    pub(crate) log: AccessLog,
}

/// What every request enters by; cheap to clone.
#[derive(Clone)]
pub(crate) struct Edge(Arc<dyn EdgeHandler>);

/// What the connection says about a request that is about to enter.
#[derive(Debug)]
pub(crate) struct RequestEntry {
    /// The facts of the connection.
    pub(crate) connection_info: Arc<ConnectionInfo>,
    /// Whether the request line had a `#`.
    pub(crate) has_fragment: bool,
    /// Marks the request as under way, to its end; `None` where the connection knows that by itself.
    pub(crate) busy: Option<RequestUnderWay>,
    /// Where an upgrade leaves its tunnel.
    pub(crate) upgrade_slot: Option<Arc<UpgradeSlot>>,
}

/// An answer that is on its way; every request gets one, a failure becomes a page.
pub(crate) type PendingAnswer = Pin<Box<dyn Future<Output = Response<AnswerBody>> + Send>>;

impl Edge {
    /// The edge in front of `next`: a [`Router`](crate::http::route::router::Router), or the one answer of a listener.
    pub(crate) fn new(settings: EdgeSettings, next: impl RequestHandler) -> Self {
        Self(Arc::new(EdgeStart { settings, pages: ErrorPages::default(), next }))
    }

    /// Begins to answer a request.
    pub(crate) fn call(&self, request: Request<BodySource>, entry: RequestEntry) -> PendingAnswer {
        Arc::clone(&self.0).enter(request, entry, None)
    }

    /// Answers a request that the connection refuses.
    pub(crate) fn refuse(
        &self,
        request: Request<BodySource>,
        entry: RequestEntry,
        failure: RequestFailure,
    ) -> PendingAnswer {
        Arc::clone(&self.0).enter(request, entry, Some(failure))
    }
}

trait EdgeHandler: Send + Sync {
    fn enter(
        self: Arc<Self>,
        request: Request<BodySource>,
        entry: RequestEntry,
        refused: Option<RequestFailure>,
    ) -> PendingAnswer;
}

/// The edge of one listener, in front of what comes next.
struct EdgeStart<H> {
    settings: EdgeSettings,
    pages: ErrorPages,
    next: H,
}

impl<H: RequestHandler> EdgeHandler for EdgeStart<H> {
    fn enter(
        self: Arc<Self>,
        request: Request<BodySource>,
        entry: RequestEntry,
        refused: Option<RequestFailure>,
    ) -> PendingAnswer {
        let RequestEntry { connection_info, has_fragment, busy, upgrade_slot: handover } = entry;
        let id = RequestId::fresh();
        let (mut head, body) = request.into_parts();
        let trace = trace_context::join(&mut head.headers, self.settings.trace);
        let peer = connection_info.peer.ip();
        let mut access = self.settings.log.request(id.as_str(), LoggedClient { addr: peer, proxy: peer }, &head);
        access.connection = connection_info.number;
        access.trace = trace.map(|(trace, _)| trace);
        access.span = trace.and_then(|(_, span)| span);
        access.tls = connection_info.tls_version;
        access.subject = connection_info.identity.as_ref().map(|identity| Arc::clone(&identity.subject));
        // In a box of its own, as the line is: a future has room for its arguments in each of its states.
        let exchange = Box::new(RequestExchange {
            id,
            connection_info,
            head,
            body: RequestBody::new(body, self.settings.request_body, &mut access.bytes_in),
            has_fragment,
            host: HeaderValue::from_static(""),
            target: PathAndQuery::from_static("/"),
            forwarding: Forwarding { client: peer, trusted: false, fields: Vec::new() },
            permit: None,
            upgrade_slot: handover,
            rules: None,
            basic_is_ours: false,
            login: None,
            stripped_target: None,
        });
        Box::pin(self.answer(exchange, access, busy, refused))
    }
}

impl<H: RequestHandler> EdgeStart<H> {
    /// What a request passes before its route is known, in this order.
    ///
    /// # Errors
    /// If the request goes no further.
    fn admit(&self, exchange: &mut RequestExchange, access: &mut AccessLine) -> Result<(), RequestFailure> {
        // Nothing else may look at a target or host that could be understood in two ways.
        target::check(exchange)?;
        // Before anything that counts or refuses by client.
        attribution::attribute(&self.settings.forwarded, exchange, access);
        // Before anything that waits. What is refused here was cheap.
        exchange.permit = Some(self.settings.permits.enter(exchange.forwarding.client)?);
        // Before the gateway is dialled.
        body_limit::check(exchange)
    }

    /// What every answer gets, the gateway's and a page of frontgate's own alike.
    fn finish(&self, exchange: &RequestExchange, answer: &mut Response<AnswerBody>) {
        hsts::add(self.settings.hsts, &exchange.connection_info, answer.headers_mut());
        answer.headers_mut().entry(X_REQUEST_ID).or_insert_with(|| exchange.id.to_value());
    }

    async fn answer(
        self: Arc<Self>,
        mut exchange: Box<RequestExchange>,
        mut access: Box<AccessLine>,
        busy: Option<RequestUnderWay>,
        refused: Option<RequestFailure>,
    ) -> Response<AnswerBody> {
        let head = &exchange.head;
        access.is_handshake = exchange.upgrade_slot.is_some()
            && handshake::is_upgrade(&head.method, head.version, &head.headers, !exchange.body.is_empty());
        exchange.body.must_move_within(self.settings.progress);
        let entered = match refused {
            Some(failure) => Err(failure),
            None => self.admit(&mut exchange, &mut access),
        };
        let handled = match entered {
            Ok(()) => self.next.handle(&mut exchange, &mut access).await,
            Err(failure) => Err(failure),
        };
        // Every failure becomes a page.
        let mut response = handled.unwrap_or_else(|failure| self.pages.answer(&failure, &exchange, &mut access));
        self.finish(&exchange, &mut response);
        access.answered(response.status());
        // Over HTTP/1.1 the connection itself reads on. A client that waits for a 100 before it sends its body needs
        // none of this.
        if exchange.body.outlives_its_answer() && !exchange.head.headers.contains_key(EXPECT) {
            Box::pin(exchange.body.take_small(SMALL_BODY, SMALL_BODY_TIME)).await;
        }
        let (permit, rest) = (exchange.permit.take(), std::mem::take(&mut exchange.body));
        response.map(|body| {
            let body = if body.is_ours() { body.taken_within(self.settings.progress) } else { body };
            body.before(rest).keeping(access, busy, permit)
        })
    }
}
