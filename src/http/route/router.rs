//! [`Router`]: the handler that passes a request to the route that it takes.

use std::sync::Arc;

use http::Response;
use http::header::AUTHORIZATION;

use super::matches::{Matches, RoutedRequest};
use super::protected::ProtectedFields;
use super::stack::RouteStack;
use super::table::RouteTable;
use crate::http::auth::oidc::login_pages::LoginPages;
use crate::http::edge::exchange::RequestExchange;
use crate::http::edge::host;
use crate::http::edge::request_handler::RequestHandler;
use crate::http::error::RequestFailure;
use crate::http::proxy::body::AnswerBody;
use crate::observe::access::AccessLine;
use crate::observe::metrics::RouteRequests;

/// The handler behind the edge: the route that a request takes, and no other.
pub(crate) struct Router {
    table: RouteTable,
    stacks: Vec<Arc<RouteStack>>,
    /// The routes in the log and the metrics.
    counts: Vec<Arc<RouteRequests>>,
    /// The pages by which users log in, where a route has some.
    login_pages: Option<LoginPages>,
}

/// A route of a router.
pub(crate) struct RoutedStack {
    /// The requests that it takes.
    pub(crate) matches: Matches,
    /// Its name, and what the metrics count of it.
    pub(crate) counts: Arc<RouteRequests>,
    /// What they pass.
    pub(crate) stack: Arc<RouteStack>,
}

impl Router {
    /// A router for these routes, in the configuration's order. Header fields that are `protected` choose a route only
    /// from senders that may send them.
    pub(crate) fn new(routes: Vec<RoutedStack>, protected: &ProtectedFields, login_pages: Option<LoginPages>) -> Self {
        let counts = routes.iter().map(|one| Arc::clone(&one.counts)).collect();
        let (matches, stacks) = routes.into_iter().map(|one| (one.matches, one.stack)).unzip();
        Self { table: RouteTable::new(matches, protected), stacks, counts, login_pages }
    }

    fn choose(&self, exchange: &RequestExchange) -> Result<usize, RequestFailure> {
        if self.table.is_only() {
            return Ok(0);
        }
        self.table.find(&RoutedRequest {
            host: &host::bare(exchange.host.to_str().unwrap_or_default()),
            path: exchange.target.path(),
            query: exchange.target.query(),
            method: &exchange.head.method,
            headers: Some(&exchange.head.headers),
            client: exchange.forwarding.client,
            trusted: exchange.forwarding.trusted,
        })
    }
}

impl RequestHandler for Router {
    async fn handle(
        &self,
        exchange: &mut RequestExchange,
        access: &mut AccessLine,
    ) -> Result<Response<AnswerBody>, RequestFailure> {
        if let Some(pages) = &self.login_pages {
            let host = host::bare(exchange.host.to_str().unwrap_or_default()).into_owned();
            if pages.takes(&host, exchange.target.path()) {
                // Boxed: few requests are for a login.
                return Box::pin(pages.handle(&host, exchange, access)).await;
            }
        }
        let index = self.choose(exchange)?;
        // A browser does not know which of a host's routes it has a password for: it sends the password to all.
        exchange.basic_is_ours = exchange.head.headers.contains_key(AUTHORIZATION)
            && self.table.takes_basic(&host::bare(exchange.host.to_str().unwrap_or_default()));
        access.take_route(&self.counts[index], self.counts.len() > 1);
        self.stacks[index].handle(exchange, access).await
    }
}

/// A router in front of another handler, which answers what none of its routes takes.
pub(crate) struct RoutesFirst<H> {
    /// The router.
    pub(crate) router: Router,
    /// The handler of all other requests.
    pub(crate) otherwise: H,
}

impl<H: RequestHandler> RequestHandler for RoutesFirst<H> {
    async fn handle(
        &self,
        exchange: &mut RequestExchange,
        access: &mut AccessLine,
    ) -> Result<Response<AnswerBody>, RequestFailure> {
        match self.router.choose(exchange) {
            Err(RequestFailure::NoRoute) => self.otherwise.handle(exchange, access).await,
            _ => self.router.handle(exchange, access).await,
        }
    }
}
