//! [`RouteStack`]: what a request passes once its route is known: header rules, the login, then an answer, an upgrade or a forward.

use std::sync::Arc;

use http::Response;
use http::header::SET_COOKIE;
use http::uri::PathAndQuery;

use super::answer::FixedAnswer;
use super::guard::AccessGuard;
use super::header_rules;
use super::redirect::MadeRedirect;
use crate::config::{ClientAccess, HeaderRules};
use crate::http::edge::exchange::RequestExchange;
use crate::http::edge::request_handler::RequestHandler;
use crate::http::error::{BadRequest, RequestFailure};
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
    /// The clients that may pass.
    pub(crate) access: ClientAccess,
    /// What is cut from the front of paths on their way to the gateway.
    pub(crate) strip_prefix: Option<String>,
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
    /// At frontgate, which sends the client elsewhere.
    Redirect(MadeRedirect),
}

/// What a request passes on one route, in order, and what its answer gets there.
pub(crate) struct RouteStack {
    requests: Option<Arc<HeaderRules>>,
    answers: Option<HeaderRules>,
    /// `None` where all clients may pass.
    access: Option<ClientAccess>,
    strip_prefix: Option<String>,
    guard: Option<Arc<AccessGuard>>,
    end: RouteEnd,
    pages: ErrorPages,
}

impl RouteStack {
    /// What these settings ask for.
    pub(crate) fn new(settings: RouteSettings) -> Self {
        let RouteSettings { requests, answers, access, strip_prefix, guard, end } = settings;
        let nothing = HeaderRules::default();
        Self {
            requests: (requests != nothing).then(|| Arc::new(requests)),
            answers: (answers != nothing).then_some(answers),
            access: (!access.is_open()).then_some(access),
            strip_prefix,
            guard,
            end,
            pages: ErrorPages::default(),
        }
    }

    /// The login that the route asks for.
    pub(crate) fn guard(&self) -> Option<&Arc<AccessGuard>> {
        self.guard.as_ref()
    }
}

impl RequestHandler for RouteStack {
    async fn handle(
        &self,
        exchange: &mut RequestExchange,
        access: &mut AccessLine,
    ) -> Result<Response<AnswerBody>, RequestFailure> {
        exchange.rules.clone_from(&self.requests);
        if let Some(prefix) = &self.strip_prefix {
            exchange.stripped_target = Some(stripped(&exchange.target, prefix.len())?);
        }
        // Before anything that a stranger may not even ask for. Boxed: few routes ask for a login.
        let admitted = match (&self.access, &self.guard) {
            (Some(access), _) if !access.admits(exchange.forwarding.client) => Err(RequestFailure::ClientNotAllowed),
            (_, Some(guard)) => Box::pin(Arc::clone(guard).check(exchange, access)).await,
            (_, None) => Ok(None),
        };
        let handled = match (admitted, &self.end) {
            (Err(failure), _) => Err(failure),
            (Ok(Some(answer)), _) => Ok(answer),
            (Ok(None), RouteEnd::Gateway(route)) => route.handle(exchange, access).await,
            (Ok(None), RouteEnd::Fixed(fixed)) => fixed.handle(exchange, access).await,
            (Ok(None), RouteEnd::Redirect(redirect)) => redirect.handle(exchange, access).await,
        };
        // Last: every answer, the gateway's, a 101 too, or a page of frontgate's, gets the route's fields.
        let cookies = exchange.login.as_ref().map_or(&[][..], |login| &login.user.cookies);
        if self.answers.is_none() && cookies.is_empty() {
            return handled;
        }
        let cookies = cookies.to_vec();
        let mut response = handled.unwrap_or_else(|failure| self.pages.answer(&failure, exchange, access));
        if let Some(rules) = &self.answers {
            header_rules::apply(rules, response.headers_mut());
        }
        for cookie in cookies {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(response)
    }
}

/// The target without so many bytes of its path, which the route has compared.
fn stripped(target: &PathAndQuery, length: usize) -> Result<PathAndQuery, RequestFailure> {
    let rest = target.as_str().get(length..).unwrap_or_default();
    let rooted = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
    PathAndQuery::try_from(rooted).map_err(|_| RequestFailure::BadRequest(BadRequest::BadTarget))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_target_begins_with_a_slash_and_stays_as_it_is() {
        for (target, expected) in [
            ("/app", "/"),
            ("/app/", "/"),
            ("/app?a=b", "/?a=b"),
            ("/app?", "/?"),
            ("/app/x//y/../%2F;z?a/b", "/x//y/../%2F;z?a/b"),
            ("/app//x", "//x"),
            ("/apple", "/le"),
        ] {
            let left = stripped(&PathAndQuery::try_from(target).unwrap(), "/app".len()).unwrap();
            assert_eq!(left.as_str(), expected, "{target}");
        }
    }
}
