//! [`FixedAnswer`]: the answer of a route that has no gateway.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, Response};

use crate::config::RouteAnswer;
use crate::http::edge::exchange::RequestExchange;
use crate::http::edge::request_handler::RequestHandler;
use crate::http::error::RequestFailure;
use crate::http::proxy::body::AnswerBody;
use crate::observe::access::{AccessLine, AnsweredBy};

/// A mark of a response that no client gets: the connection, or the stream, is closed instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoAnswer;

/// Answers every request of a route alike.
pub(crate) struct FixedAnswer {
    answer: RouteAnswer,
    body: Bytes,
}

impl FixedAnswer {
    /// A handler with this answer; an error without a text of its own says at least which one it is.
    pub(crate) fn new(answer: RouteAnswer) -> Self {
        let status = answer.status;
        let is_error = status.is_client_error() || status.is_server_error();
        let body = match &answer.body {
            Some(text) => text.clone(),
            None if is_error => format!("{status}\n"),
            None => String::new(),
        };
        Self { answer, body: body.into() }
    }
}

impl RequestHandler for FixedAnswer {
    async fn handle(
        &self,
        exchange: &mut RequestExchange,
        access: &mut AccessLine,
    ) -> Result<Response<AnswerBody>, RequestFailure> {
        access.answered_by = AnsweredBy::Frontgate;
        if self.answer.closes() {
            let mut response = Response::new(AnswerBody::empty());
            *response.status_mut() = self.answer.status;
            response.extensions_mut().insert(NoAnswer);
            return Ok(response);
        }
        let to_head = exchange.head.method == Method::HEAD;
        let mut response =
            Response::new(if to_head { AnswerBody::empty() } else { AnswerBody::full(self.body.clone()) });
        *response.status_mut() = self.answer.status;
        let fields = response.headers_mut();
        if !self.body.is_empty() {
            fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        }
        if let Some(location) = &self.answer.location {
            fields.insert(LOCATION, location.clone());
        }
        // A browser would keep a permanent redirect for ever, also after the route is gone.
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }
}
