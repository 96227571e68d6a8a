//! [`MadeRedirect`]: a redirect whose place is made of the request.

use http::Response;

use super::reading;
use crate::config::{RegexPattern, RouteRedirect, TemplateValues};
use crate::http::edge::exchange::RequestExchange;
use crate::http::edge::host;
use crate::http::edge::redirect::redirect_to;
use crate::http::edge::request_handler::RequestHandler;
use crate::http::error::RequestFailure;
use crate::http::proxy::body::AnswerBody;
use crate::observe::access::{AccessLine, AnsweredBy};

/// Sends every request of a route elsewhere.
pub(crate) struct MadeRedirect {
    /// Where, and with which status.
    pub(crate) redirect: RouteRedirect,
    /// The expression of the route's path, for its groups.
    pub(crate) regex: Option<RegexPattern>,
}

impl RequestHandler for MadeRedirect {
    async fn handle(
        &self,
        exchange: &mut RequestExchange,
        access: &mut AccessLine,
    ) -> Result<Response<AnswerBody>, RequestFailure> {
        access.answered_by = AnsweredBy::Frontgate;
        let path = reading::proper(exchange.target.path());
        let groups = self.regex.as_ref().and_then(|regex| regex.regex().captures(&path));
        let host_port = exchange.host.to_str().unwrap_or_default();
        let location = self.redirect.to.fill(&TemplateValues {
            scheme: exchange.forwarding.scheme(&exchange.connection_info, &exchange.head.headers),
            host: host::split(host_port).0,
            host_port,
            path: exchange.target.path(),
            query: exchange.target.query(),
            groups: groups.as_ref(),
        });
        redirect_to(self.redirect.status, location)
    }
}
