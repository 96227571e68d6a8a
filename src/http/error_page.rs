//! The layer that turns a failure into an answer that says what happened and what to do.

use std::error::Error;
use std::time::Instant;

use http::{Method, Response};

use super::body::Body;
use super::error::{Failure, Fault};
use super::exchange::Exchange;
use super::handle::Handle;
use super::page;
use crate::observe::access::Access;
use crate::observe::once_a_minute::OnceAMinute;

/// The layer that turns a failure into a page. Nothing fails above it.
pub struct Paged<H> {
    /// What comes next.
    pub inner: H,
    /// A gateway that is down is asked for often.
    pub lines: OnceAMinute,
}

impl<H: Handle> Handle for Paged<H> {
    async fn handle(&self, exchange: Exchange, access: &mut Access) -> Result<Response<Body>, Failure> {
        let (id, accept, method) = (exchange.id, exchange.accept().cloned(), exchange.head.method.clone());
        let failure = match self.inner.handle(exchange, access).await {
            Ok(response) => return Ok(response),
            Err(failure) => failure,
        };
        tell(&self.lines, &failure, id.as_str());
        access.failed(failure.status(), failure.code());
        let page = page::response(&failure, accept.as_ref(), id.as_str());
        Ok(page.map(|bytes| if method == Method::HEAD { Body::empty() } else { Body::full(bytes) }))
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
