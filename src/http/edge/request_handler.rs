//! [`RequestHandler`]: answers a request, and may have to wait for that.

use std::future::Future;

use http::Response;

use super::exchange::RequestExchange;
use crate::http::error::RequestFailure;
use crate::http::proxy::body::AnswerBody;
use crate::observe::access::AccessLine;

/// What stands behind the [`Edge`](super::stack::Edge), up to the gateway: a request in, an answer or a failure out. What becomes
/// known for the request's log line is written into `access` on the way.
pub(crate) trait RequestHandler: Send + Sync + 'static {
    /// Answers one request.
    fn handle(
        &self,
        exchange: &mut RequestExchange,
        access: &mut AccessLine,
    ) -> impl Future<Output = Result<Response<AnswerBody>, RequestFailure>> + Send;
}
