//! The layer that finds out who the client is and what the gateway is told about it.

use http::Response;

use super::body::Body;
use super::error::Failure;
use super::exchange::Exchange;
use super::forwarded;
use super::handle::Handle;
use super::identity;
use crate::config::Forwarded;
use crate::observe::access::Access;

/// The layer that finds out who the client is. The rules are in [`forwarded`] and [`identity`].
pub struct Attributed<H> {
    /// What comes next.
    pub inner: H,
    /// Whom to believe.
    pub rules: Forwarded,
}

impl<H: Handle> Handle for Attributed<H> {
    async fn handle(&self, exchange: &mut Exchange, access: &mut Access) -> Result<Response<Body>, Failure> {
        let headers = &exchange.head.headers;
        exchange.forwarding = forwarded::decide(&self.rules, &exchange.arrival, &exchange.host, headers);
        let identity = exchange.arrival.identity.as_deref();
        exchange.forwarding.fields.extend(identity.into_iter().flat_map(identity::fields));
        access.client.addr = exchange.forwarding.client;
        self.inner.handle(exchange, access).await
    }
}
