//! [`RouteStack`]: what a request passes once its route is known: header rules, the login, then an answer, an upgrade or a forward.

use std::sync::Arc;

use http::Response;

use super::answer::FixedAnswer;
use super::guard::AccessGuard;
use super::header_rules;
use crate::config::HeaderRules;
use crate::http::edge::exchange::RequestExchange;
use crate::http::edge::request_handler::RequestHandler;
use crate::http::error::RequestFailure;
use crate::http::pages::error_page::ErrorPages;
use crate::http::proxy::body::AnswerBody;
use crate::http::proxy::gateway_route::GatewayRoute;
use crate::observe::access::AccessLine;

/// The settings of a route.
pub(crate) struct RouteSettings {
    /// The changes to requests, on their way to the gateway.
    pub(crate) requests: HeaderRules,
    /// The changes to answers, on their way to the client.
    pub(crate) answers: HeaderRules,
    /// The login that the route asks for; `None` lets every client pass.
    pub(crate) guard: Option<Arc<AccessGuard>>,
    /// Where the route's requests end.
    pub(crate) end: RouteEnd,
}

/// Where the requests of a route end.
pub(crate) enum RouteEnd {
    /// At a gateway.
    Gateway(Box<GatewayRoute>),
    /// At frontgate, with this answer.
    Fixed(FixedAnswer),
}

/// What a request passes on one route, in order, and what its answer gets there.
pub(crate) struct RouteStack {
    requests: Option<Arc<HeaderRules>>,
    answers: Option<HeaderRules>,
    guard: Option<Arc<AccessGuard>>,
    end: RouteEnd,
    pages: ErrorPages,
}

impl RouteStack {
    /// What these settings ask for.
    pub(crate) fn new(settings: RouteSettings) -> Self {
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
        // Before anything that a stranger may not even ask for. Boxed: few routes ask for a login.
        let admitted = match &self.guard {
            Some(guard) => Box::pin(guard.check(exchange, access)).await,
            None => Ok(()),
        };
        let handled = match (admitted, &self.end) {
            (Err(failure), _) => Err(failure),
            (Ok(()), RouteEnd::Gateway(route)) => route.handle(exchange, access).await,
            (Ok(()), RouteEnd::Fixed(fixed)) => fixed.handle(exchange, access).await,
        };
        // Last: every answer, the gateway's, a 101 too, or a page of frontgate's, gets the route's fields.
        let Some(rules) = &self.answers else { return handled };
        let mut response = handled.unwrap_or_else(|failure| self.pages.answer(&failure, exchange, access));
        header_rules::apply(rules, response.headers_mut());
        Ok(response)
    }
}
