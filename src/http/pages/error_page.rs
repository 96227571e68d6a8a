//! [`ErrorPages`]: the answer to a request that failed, which says what happened and what to do.

use std::error::Error;
use std::sync::Arc;

use http::{Method, Response};
use tokio::time::Instant;

use super::page;
use crate::http::edge::exchange::RequestExchange;
use crate::http::error::{Blame, RequestFailure};
use crate::http::proxy::body::AnswerBody;
use crate::observe::access::AccessLine;
use crate::observe::log_rate_limit::LogRateLimit;

/// Makes pages of failures, and logs their causes. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct ErrorPages {
    /// Limits the log lines: a gateway that is down is asked for often.
    lines: Arc<LogRateLimit>,
}

impl ErrorPages {
    /// The answer to a request that failed.
    pub(crate) fn answer(
        &self,
        failure: &RequestFailure,
        exchange: &RequestExchange,
        access: &mut AccessLine,
    ) -> Response<AnswerBody> {
        let (id, to_head) = (exchange.id.as_str(), exchange.head.method == Method::HEAD);
        tell(&self.lines, failure, id);
        access.failed(failure.status(), failure.code());
        let page = page::response(failure, &exchange.head.method, exchange.accept(), id);
        page.map(|bytes| if to_head { AnswerBody::empty() } else { AnswerBody::full(bytes) })
    }
}

/// Logs a failure with its causes. They are for the log only: they may name the gateway's address.
fn tell(lines: &LogRateLimit, failure: &RequestFailure, id: &str) {
    let (code, cause) = (failure.code(), failure.source().map(ToString::to_string));
    let due = match failure.blame() {
        Blame::Client => None,
        Blame::Gateway | Blame::Frontgate => lines.pass(code, Instant::now()),
    };
    let Some(before) = due else { return tracing::debug!(id, failure = code, cause, "request failed: {failure}") };
    let repeated = (before > 0).then_some(before);
    tracing::warn!(id, failure = code, cause, repeated, "request failed: {failure}");
}
