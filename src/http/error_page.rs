//! The layer that turns a failure into an answer that says what happened and what to do.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderValue, Method, Response};

use super::body::Body;
use super::error::{Failure, Fault};
use super::exchange::Exchange;
use super::handle::Handle;
use super::page;
use super::request_id::RequestId;
use crate::observe::access::Access;
use crate::observe::once_a_minute::OnceAMinute;

/// The layer that turns a failure into a page. Nothing fails above it.
pub struct Paged<H> {
    /// What comes next.
    pub inner: H,
    /// What makes the pages.
    pub pages: Pages,
}

/// Makes pages of failures, and tells the log. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Pages {
    /// A gateway that is down is asked for often.
    lines: Arc<OnceAMinute>,
}

/// What a page depends on besides the failure.
#[derive(Debug)]
pub struct Asked {
    id: RequestId,
    accept: Option<HeaderValue>,
    to_head: bool,
}

impl<H: Handle> Handle for Paged<H> {
    async fn handle(&self, exchange: Box<Exchange>, access: &mut Access) -> Result<Response<Body>, Failure> {
        let asked = Pages::asked(&exchange);
        match self.inner.handle(exchange, access).await {
            Ok(response) => Ok(response),
            Err(failure) => Ok(self.pages.answer(&failure, asked, access)),
        }
    }
}

impl Pages {
    /// To be kept of a request that may fail.
    pub fn asked(exchange: &Exchange) -> Asked {
        let to_head = exchange.head.method == Method::HEAD;
        Asked { id: exchange.id, accept: exchange.accept().cloned(), to_head }
    }

    /// The answer to a request that failed.
    pub fn answer(&self, failure: &Failure, asked: Asked, access: &mut Access) -> Response<Body> {
        let Asked { id, accept, to_head } = asked;
        tell(&self.lines, failure, id.as_str());
        access.failed(failure.status(), failure.code());
        let page = page::response(failure, accept.as_ref(), id.as_str());
        page.map(|bytes| if to_head { Body::empty() } else { Body::full(bytes) })
    }
}

/// The causes are for the log only: they may name the gateway's address.
fn tell(lines: &OnceAMinute, failure: &Failure, id: &str) {
    let (code, cause) = (failure.code(), failure.source().map(ToString::to_string));
    let due = match failure.fault() {
        Fault::Client => None,
        Fault::Gateway | Fault::Frontgate => lines.pass(code, Instant::now()),
    };
    let Some(before) = due else { return tracing::debug!(id, failure = code, cause, "request failed: {failure}") };
    let repeated = (before > 0).then_some(before);
    tracing::warn!(id, failure = code, cause, repeated, "request failed: {failure}");
}
