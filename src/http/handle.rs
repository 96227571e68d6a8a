//! [`Handle`]: what answers a request, and may have to wait for that.

use std::future::Future;

use http::Response;

use super::body::Body;
use super::error::Failure;
use super::exchange::Exchange;
use crate::observe::access::Access;

/// What stands behind the [layers](super::layer::Layer), up to the gateway: a request in, an answer or a failure out. What becomes
/// known for the request's log line is written into `access` on the way.
pub trait Handle: Send + Sync + 'static {
    /// Handles one request.
    fn handle(
        &self,
        exchange: &mut Exchange,
        access: &mut Access,
    ) -> impl Future<Output = Result<Response<Body>, Failure>> + Send;
}
