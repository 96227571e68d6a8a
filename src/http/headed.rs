//! The layer that sets and removes header fields as a route says, on the way in and on the way out.

use std::sync::Arc;

use http::Response;

use super::body::Body;
use super::error::Failure;
use super::error_page::Pages;
use super::exchange::Exchange;
use super::handle::Handle;
use super::header_rules;
use crate::config::HeaderRules;
use crate::observe::access::Access;

/// The layer that applies a route's header rules to every answer it gives, whoever gives it: the gateway's, a 101, a page of
/// ours.
pub struct Headed<H> {
    /// What comes next.
    pub inner: H,
    /// What requests get, on their way to the gateway.
    pub requests: Option<Arc<HeaderRules>>,
    /// What answers get.
    pub answers: Option<HeaderRules>,
    /// What a failure looks like.
    pub pages: Pages,
}

impl<H: Handle> Handle for Headed<H> {
    async fn handle(&self, exchange: &mut Exchange, access: &mut Access) -> Result<Response<Body>, Failure> {
        exchange.rules.clone_from(&self.requests);
        let Some(rules) = &self.answers else { return self.inner.handle(exchange, access).await };
        let mut response = match self.inner.handle(exchange, access).await {
            Ok(response) => response,
            Err(failure) => self.pages.answer(&failure, exchange, access),
        };
        header_rules::apply(rules, response.headers_mut());
        Ok(response)
    }
}
