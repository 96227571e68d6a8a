//! What a route answers by itself.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, Response};

use super::body::Body;
use super::error::Failure;
use super::exchange::Exchange;
use super::handle::Handle;
use crate::config::Answer;
use crate::observe::access::{Access, AnsweredBy};

/// Answers every request alike.
pub struct Fixed {
    answer: Answer,
    body: Bytes,
}

impl Fixed {
    /// With this answer; an error without a text of its own says at least which one it is.
    pub fn new(answer: Answer) -> Self {
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

impl Handle for Fixed {
    async fn handle(&self, exchange: &mut Exchange, access: &mut Access) -> Result<Response<Body>, Failure> {
        access.answered_by = AnsweredBy::Frontgate;
        let to_head = exchange.head.method == Method::HEAD;
        let mut response = Response::new(if to_head { Body::empty() } else { Body::full(self.body.clone()) });
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
