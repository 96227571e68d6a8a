//! The layers that a request passes, as two lists that one can read: the edge, the same for every request, and the route.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use tower::ServiceBuilder;

use super::activity::Busy;
use super::answer::Fixed;
use super::arrival::Arrival;
use super::attribution::Attributed;
use super::body::Body;
use super::error::Failure;
use super::error_page::{Paged, Pages};
use super::exchange::Exchange;
use super::forwarded::Forwarding;
use super::guarded::{Guard, Guarded};
use super::handle::Handle;
use super::headed::Headed;
use super::hsts::Strict;
use super::limits::Limited;
use super::request_id::{RequestId, X_REQUEST_ID};
use super::route::Route;
use super::target::Checked;
use super::tunnel::Handover;
use crate::config::{Forwarded, HeaderRules, Hsts};
use crate::observe::access::{Access, AccessLog, Client};
use crate::upstream::RequestBody;

/// What the edge goes by.
#[derive(Debug, Clone)]
pub struct EdgeSettings {
    /// Whom to believe about the client.
    pub forwarded: Forwarded,
    /// When browsers are told to use nothing but https.
    pub hsts: Hsts,
    /// The most bytes of a request's body.
    pub request_body: Option<u64>,
    /// Where the lines go.
    pub log: AccessLog,
}

/// What every request enters by; cheap to clone.
#[derive(Clone)]
pub struct Edge(Arc<dyn Enter>);

/// What the connection says about a request that is about to enter.
#[derive(Debug)]
pub struct Entry {
    /// How it reached us.
    pub arrival: Arc<Arrival>,
    /// The request line had a `#`.
    pub has_fragment: bool,
    /// Says that a request is under way, to its end.
    pub busy: Busy,
    /// Where an upgrade leaves its tunnel.
    pub handover: Option<Arc<Handover>>,
}

/// An answer that is on its way; there always is one.
pub type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

impl Edge {
    /// The edge in front of what comes next: a [`Router`](super::router::Router), or a listener's one answer.
    pub fn new(settings: EdgeSettings, next: impl Handle) -> Self {
        let EdgeSettings { forwarded, hsts, request_body, log } = settings;
        let layers = ServiceBuilder::new()
            // Outermost: it is about our https, not about the answer, and a page of ours carries it too.
            .layer_fn(move |inner| Strict { inner, policy: hsts })
            // Whatever goes wrong further in becomes a page.
            .layer_fn(|inner| Paged { inner, pages: Pages::default() })
            // Nothing else may look at a target or host that could be understood in two ways.
            .layer_fn(|inner| Checked { inner })
            // Before anything that counts or refuses by client.
            .layer_fn(move |inner| Attributed { inner, rules: forwarded.clone() })
            // Before the gateway is dialled.
            .layer_fn(|inner| Limited { inner })
            .service(next);
        Self(Arc::new(Root { layers, request_body, log }))
    }

    /// Begins to answer a request.
    pub fn call(&self, request: Request<Incoming>, entry: Entry) -> Answer {
        Arc::clone(&self.0).enter(request, entry)
    }
}

/// What a route goes by.
pub struct RouteSettings {
    /// What requests get, on their way to the gateway.
    pub requests: HeaderRules,
    /// What answers get, on their way to the client.
    pub answers: HeaderRules,
    /// Who may pass; `None` is everybody.
    pub guard: Option<Arc<Guard>>,
    /// Where its requests end.
    pub end: RouteEnd,
}

/// Where the requests of a route end.
pub enum RouteEnd {
    /// At a gateway.
    Gateway(Box<Route>),
    /// Here, with this answer.
    Fixed(Fixed),
}

/// The layers of one route. All routes have one type, so that nothing is boxed for a request.
pub struct RouteStack(Layers);

enum Layers {
    /// Nothing to do but to pass it on.
    Bare(Box<Route>),
    Full(Headed<Guarded<RouteEnd>>),
}

impl RouteStack {
    /// The layers that these settings ask for.
    pub fn new(settings: RouteSettings) -> Self {
        let RouteSettings { requests, answers, guard, end } = settings;
        let nothing = HeaderRules::default();
        let end = match end {
            RouteEnd::Gateway(route) if requests == nothing && answers == nothing && guard.is_none() => {
                return Self(Layers::Bare(route));
            }
            end => end,
        };
        let layers = ServiceBuilder::new()
            // Outermost: an answer of ours has the route's fields, too.
            .layer_fn(move |inner| Headed {
                inner,
                requests: (requests != nothing).then(|| Arc::new(requests.clone())),
                answers: (answers != nothing).then(|| answers.clone()),
                pages: Pages::default(),
            })
            // Before anything that a stranger may not even ask for.
            .layer_fn(move |inner| Guarded { inner, guard: guard.clone() })
            .service(end);
        Self(Layers::Full(layers))
    }
}

impl Handle for RouteStack {
    async fn handle(&self, exchange: &mut Exchange, access: &mut Access) -> Result<Response<Body>, Failure> {
        match &self.0 {
            Layers::Bare(route) => route.handle(exchange, access).await,
            Layers::Full(layers) => layers.handle(exchange, access).await,
        }
    }
}

impl Handle for RouteEnd {
    async fn handle(&self, exchange: &mut Exchange, access: &mut Access) -> Result<Response<Body>, Failure> {
        match self {
            Self::Gateway(route) => route.handle(exchange, access).await,
            Self::Fixed(fixed) => fixed.handle(exchange, access).await,
        }
    }
}

trait Enter: Send + Sync {
    fn enter(self: Arc<Self>, request: Request<Incoming>, entry: Entry) -> Answer;
}

/// The start of the layers: the request gets its name and its log line.
struct Root<H> {
    layers: H,
    request_body: Option<u64>,
    log: AccessLog,
}

impl<H: Handle> Enter for Root<H> {
    fn enter(self: Arc<Self>, request: Request<Incoming>, entry: Entry) -> Answer {
        let Entry { arrival, has_fragment, busy, handover } = entry;
        let id = RequestId::fresh();
        let (head, body) = request.into_parts();
        let peer = arrival.peer.ip();
        let mut access = self.log.request(id.as_str(), Client { addr: peer, proxy: peer }, &head);
        access.tls = arrival.tls_version;
        access.subject = arrival.identity.as_ref().map(|identity| Arc::clone(&identity.subject));
        // In a box of its own, as the line is: what a future is given it has room for in each of its states.
        let exchange = Box::new(Exchange {
            id,
            arrival,
            head,
            body: RequestBody::new(body, self.request_body, &mut access.bytes_in),
            has_fragment,
            host: HeaderValue::from_static(""),
            target: PathAndQuery::from_static("/"),
            forwarding: Forwarding { client: peer, trusted: false, fields: Vec::new() },
            handover,
            rules: None,
            user: None,
        });
        Box::pin(self.answer(exchange, access, busy))
    }
}

impl<H: Handle> Root<H> {
    async fn answer(
        self: Arc<Self>,
        mut exchange: Box<Exchange>,
        mut access: Box<Access>,
        busy: Busy,
    ) -> Response<Body> {
        let handled = self.layers.handle(&mut exchange, &mut access).await;
        let mut response = handled.unwrap_or_else(|failure| {
            // The page layer leaves none; a bare status is still better than a lost connection.
            let mut response = Response::new(Body::empty());
            *response.status_mut() = failure.status();
            response
        });
        response.headers_mut().entry(X_REQUEST_ID).or_insert_with(|| exchange.id.to_value());
        access.status = Some(response.status());
        response.map(|body| body.keeping(access, busy))
    }
}
