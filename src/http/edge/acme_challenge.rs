//! The answers to a certificate authority that looks for a file on port 80 (RFC 8555 §8.3).

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response};

use super::exchange::RequestExchange;
use super::request_handler::RequestHandler;
use crate::http::error::RequestFailure;
use crate::http::proxy::body::AnswerBody;
use crate::observe::access::{AccessLine, AnsweredBy};
use crate::tls::acme::Tokens;

/// Answers challenges in front of the redirect. What is no challenge of ours goes on: another ACME client may
/// live behind the gateway.
pub(crate) struct AcmeChallenge<H> {
    /// The handler of all other requests.
    pub(crate) inner: H,
    /// The tokens of the challenges, and the answers to them.
    pub(crate) tokens: Tokens,
}

impl<H: RequestHandler> RequestHandler for AcmeChallenge<H> {
    async fn handle(
        &self,
        exchange: &mut RequestExchange,
        access: &mut AccessLine,
    ) -> Result<Response<AnswerBody>, RequestFailure> {
        let reads = matches!(exchange.head.method, Method::GET | Method::HEAD);
        let token = exchange.target.as_str().strip_prefix(PREFIX).filter(|_| reads);
        let Some(answer) = token.and_then(|token| self.tokens.get(token)) else {
            return self.inner.handle(exchange, access).await;
        };
        access.answered_by = AnsweredBy::Frontgate;
        let mut response = Response::new(AnswerBody::full(answer.into()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }
}

const PREFIX: &str = "/.well-known/acme-challenge/";
