//! The layer that refuses a body before it is sent, if it says itself that it is too large.

use http::Response;

use super::body::Body;
use super::error::Failure;
use super::exchange::Exchange;
use super::handle::Handle;
use crate::observe::access::Access;

/// The layer that refuses a body that announces more than it may have. One that does not is cut off where it is too much, by
/// [`crate::upstream::RequestBody`].
pub struct Limited<H> {
    /// What comes next.
    pub inner: H,
}

impl<H: Handle> Handle for Limited<H> {
    async fn handle(&self, exchange: Exchange, access: &mut Access) -> Result<Response<Body>, Failure> {
        if exchange.body.is_too_large() {
            return Err(Failure::BodyTooLarge);
        }
        self.inner.handle(exchange, access).await
    }
}
