//! The layers that a request passes, in two places where one can read them in their order: [`Edge`], the same for every request,
//! and [`RouteStack`].

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::EXPECT;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response};
use tower::ServiceBuilder;

use super::connection_info::ConnectionInfo;
use super::connection_state::RequestUnderWay;
use super::early::{SMALL_BODY, SMALL_BODY_TIME};
use super::exchange::RequestExchange;
use super::forwarded::Forwarding;
use super::handle::RequestHandler;
use super::layer::{Innermost, Layer, inbound, outbound};
use super::permits::Permits;
use super::request_id::{RequestId, X_REQUEST_ID};
use super::{attribution, hsts, limits, target};
use crate::config::{Forwarded, HeaderRules, Hsts};
use crate::http::error::RequestFailure;
use crate::http::pages::error_page::ErrorPages;
use crate::http::proxy::body::AnswerBody;
use crate::http::proxy::gateway_route::GatewayRoute;
use crate::http::proxy::tunnel::UpgradeSlot;
use crate::http::route::answer::FixedAnswer;
use crate::http::route::guard::AccessGuard;
use crate::http::route::header_rules;
use crate::observe::access::{AccessLine, AccessLog, LoggedClient};
use crate::upstream::{BodySource, RequestBody};

/// What the edge goes by.
#[derive(Debug, Clone)]
pub struct EdgeSettings {
    /// Whom to believe about the client.
    pub forwarded: Forwarded,
    /// When browsers are told to use nothing but https.
    pub hsts: Hsts,
    /// The most bytes of a request's body.
    pub request_body: Option<u64>,
    /// How many requests may be under way.
    pub permits: Permits,
    /// For how long a client may send nothing of a request's body, or take nothing of an answer of our own.
    pub progress: Option<Duration>,
    /// Where the lines go.
    pub log: AccessLog,
}

/// What every request enters by; cheap to clone.
#[derive(Clone)]
pub struct Edge(Arc<dyn EdgeHandler>);

/// What the connection says about a request that is about to enter.
#[derive(Debug)]
pub struct RequestEntry {
    /// How it reached us.
    pub connection_info: Arc<ConnectionInfo>,
    /// The request line had a `#`.
    pub has_fragment: bool,
    /// Says that a request is under way, to its end; `None` where the connection knows.
    pub busy: Option<RequestUnderWay>,
    /// Where an upgrade leaves its tunnel.
    pub handover: Option<Arc<UpgradeSlot>>,
}

/// An answer that is on its way; there always is one.
pub type PendingAnswer = Pin<Box<dyn Future<Output = Response<AnswerBody>> + Send>>;

impl Edge {
    /// The edge in front of what comes next: a [`Router`](crate::http::route::router::Router), or a listener's one answer.
    pub fn new(settings: EdgeSettings, next: impl RequestHandler) -> Self {
        let EdgeSettings { forwarded, hsts, request_body, permits, progress, log } = settings;
        let layers = ServiceBuilder::new()
            // Outermost: every answer has a name.
            .layer(outbound(|exchange, answer| {
                answer.headers_mut().entry(X_REQUEST_ID).or_insert_with(|| exchange.id.to_value());
            }))
            // It is about our https, not about the answer, and a page of ours carries it too.
            .layer(outbound(move |exchange, answer| hsts::add(hsts, &exchange.connection_info, answer.headers_mut())))
            // Nothing else may look at a target or host that could be understood in two ways.
            .layer(inbound(|exchange, _| target::check(exchange)))
            // Before anything that counts or refuses by client.
            .layer(inbound(move |exchange, access| {
                attribution::attribute(&forwarded, exchange, access);
                Ok(())
            }))
            // Before anything that waits. What is refused here was cheap.
            .layer(inbound(move |exchange, _| {
                exchange.permit = Some(permits.enter(exchange.forwarding.client)?);
                Ok(())
            }))
            // Before the gateway is dialled.
            .layer(inbound(|exchange, _| limits::check(exchange)))
            .service(Innermost);
        Self(Arc::new(EdgeStart { layers, request_body, progress, log, pages: ErrorPages::default(), next }))
    }

    /// Begins to answer a request.
    pub fn call(&self, request: Request<BodySource>, entry: RequestEntry) -> PendingAnswer {
        Arc::clone(&self.0).enter(request, entry, None)
    }

    /// Answers a request that the connection refuses.
    pub fn refuse(&self, request: Request<BodySource>, entry: RequestEntry, failure: RequestFailure) -> PendingAnswer {
        Arc::clone(&self.0).enter(request, entry, Some(failure))
    }
}

/// What a route goes by.
pub struct RouteSettings {
    /// What requests get, on their way to the gateway.
    pub requests: HeaderRules,
    /// What answers get, on their way to the client.
    pub answers: HeaderRules,
    /// Who may pass; `None` is everybody.
    pub guard: Option<Arc<AccessGuard>>,
    /// Where its requests end.
    pub end: RouteEnd,
}

/// Where the requests of a route end.
pub enum RouteEnd {
    /// At a gateway.
    Gateway(Box<GatewayRoute>),
    /// Here, with this answer.
    Fixed(FixedAnswer),
}

/// The layers of one route.
pub struct RouteStack {
    requests: Option<Arc<HeaderRules>>,
    answers: Option<HeaderRules>,
    guard: Option<Arc<AccessGuard>>,
    end: RouteEnd,
    pages: ErrorPages,
}

impl RouteStack {
    /// The layers that these settings ask for.
    pub fn new(settings: RouteSettings) -> Self {
        let RouteSettings { requests, answers, guard, end } = settings;
        let nothing = HeaderRules::default();
        Self {
            requests: (requests != nothing).then(|| Arc::new(requests)),
            answers: (answers != nothing).then_some(answers),
            guard,
            end,
            pages: ErrorPages::default(),
        }
    }
}

impl RequestHandler for RouteStack {
    async fn handle(
        &self,
        exchange: &mut RequestExchange,
        access: &mut AccessLine,
    ) -> Result<Response<AnswerBody>, RequestFailure> {
        exchange.rules.clone_from(&self.requests);
        // Before anything that a stranger may not even ask for. Boxed: few routes ask who it is.
        let admitted = match &self.guard {
            Some(guard) => Box::pin(guard.check(exchange, access)).await,
            None => Ok(()),
        };
        let handled = match (admitted, &self.end) {
            (Err(failure), _) => Err(failure),
            (Ok(()), RouteEnd::Gateway(route)) => route.handle(exchange, access).await,
            (Ok(()), RouteEnd::Fixed(fixed)) => fixed.handle(exchange, access).await,
        };
        // Last: whoever answers, the gateway, with a 101 too, or a page of ours, the answer has the route's fields.
        let Some(rules) = &self.answers else { return handled };
        let mut response = handled.unwrap_or_else(|failure| self.pages.answer(&failure, exchange, access));
        header_rules::apply(rules, response.headers_mut());
        Ok(response)
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

/// The start of the layers: the request gets its name and its log line.
struct EdgeStart<L, H> {
    layers: L,
    request_body: Option<u64>,
    progress: Option<Duration>,
    log: AccessLog,
    pages: ErrorPages,
    next: H,
}

impl<L: Layer, H: RequestHandler> EdgeHandler for EdgeStart<L, H> {
    fn enter(
        self: Arc<Self>,
        request: Request<BodySource>,
        entry: RequestEntry,
        refused: Option<RequestFailure>,
    ) -> PendingAnswer {
        let RequestEntry { connection_info, has_fragment, busy, handover } = entry;
        let id = RequestId::fresh();
        let (head, body) = request.into_parts();
        let peer = connection_info.peer.ip();
        let mut access = self.log.request(id.as_str(), LoggedClient { addr: peer, proxy: peer }, &head);
        access.tls = connection_info.tls_version;
        access.subject = connection_info.identity.as_ref().map(|identity| Arc::clone(&identity.subject));
        // In a box of its own, as the line is: what a future is given it has room for in each of its states.
        let exchange = Box::new(RequestExchange {
            id,
            connection_info,
            head,
            body: RequestBody::new(body, self.request_body, &mut access.bytes_in),
            has_fragment,
            host: HeaderValue::from_static(""),
            target: PathAndQuery::from_static("/"),
            forwarding: Forwarding { client: peer, trusted: false, fields: Vec::new() },
            permit: None,
            handover,
            rules: None,
            basic_is_ours: false,
            user: None,
        });
        Box::pin(self.answer(exchange, access, busy, refused))
    }
}

impl<L: Layer, H: RequestHandler> EdgeStart<L, H> {
    async fn answer(
        self: Arc<Self>,
        mut exchange: Box<RequestExchange>,
        mut access: Box<AccessLine>,
        busy: Option<RequestUnderWay>,
        refused: Option<RequestFailure>,
    ) -> Response<AnswerBody> {
        exchange.body.must_move_within(self.progress);
        let entered = match refused {
            Some(failure) => Err(failure),
            None => self.layers.enter(&mut exchange, &mut access),
        };
        let handled = match entered {
            Ok(()) => self.next.handle(&mut exchange, &mut access).await,
            Err(failure) => Err(failure),
        };
        // Whatever went wrong becomes a page.
        let mut response = handled.unwrap_or_else(|failure| self.pages.answer(&failure, &exchange, &mut access));
        self.layers.leave(&exchange, &mut response);
        access.status = Some(response.status());
        // Over HTTP/1.1 the connection itself reads on. A client that waits for leave to send its body needs none of this.
        if exchange.body.outlives_its_answer() && !exchange.head.headers.contains_key(EXPECT) {
            Box::pin(exchange.body.take_small(SMALL_BODY, SMALL_BODY_TIME)).await;
        }
        let (permit, rest) = (exchange.permit.take(), std::mem::take(&mut exchange.body));
        response.map(|body| {
            let body = if body.is_ours() { body.taken_within(self.progress) } else { body };
            body.before(rest).keeping(access, busy, permit)
        })
    }
}
