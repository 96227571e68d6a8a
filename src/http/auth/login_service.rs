//! [`LoginService`]: a login service that is asked whether a request may pass.

use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderValue, Response, StatusCode};
use tokio::time::timeout;

use crate::http::error::FailureCause;
use crate::upstream::{ConnectionPool, EncodedRequest, GatewayTimeouts, Lease, SendError};

/// A login service, and the connections to it.
#[derive(Clone)]
pub(crate) struct LoginService {
    /// Its connections.
    pub(crate) pool: ConnectionPool,
    /// The target of each question.
    pub(crate) target: PathAndQuery,
    /// Its own name, as `Host` has it; `None` where it gets that of the request.
    pub(crate) host: Option<HeaderValue>,
    /// How long one question may take.
    pub(crate) limit: Duration,
}

/// What a login service says of a request.
#[derive(Debug)]
pub(super) enum ServiceVerdict {
    /// The request may pass; the fields of the answer.
    Admits(http::HeaderMap),
    /// The request may not pass; the client gets this.
    Refuses(Response<Bytes>),
    /// The service did not say, for this reason.
    Absent(FailureCause),
}

impl LoginService {
    /// Asks a question.
    pub(super) async fn ask(&self, question: Box<EncodedRequest>) -> ServiceVerdict {
        match timeout(self.limit, self.answer(question)).await {
            Ok(Ok(answer)) => judged(answer),
            Ok(Err(cause)) => ServiceVerdict::Absent(cause),
            Err(_) => ServiceVerdict::Absent(format!("no answer within {:?}", self.limit).into()),
        }
    }

    /// The whole answer. A connection that the service has closed in the meantime is replaced once.
    async fn answer(&self, question: Box<EncodedRequest>) -> Result<Response<Bytes>, FailureCause> {
        let mut question = question;
        if let Some(mut used) = self.pool.reuse().map(Lease::from) {
            match used.exchange_within(GatewayTimeouts::default(), question).await {
                Ok(answer) => return whole(used, answer).await,
                Err(SendError { error, request: Some(again), again: true }) if error.is_gone() => question = again,
                Err(failed) => return Err(failed.error.into()),
            }
        }
        let fresh = self.pool.dial().await.map_err(|error| FailureCause::from(error.to_string()))?;
        let mut fresh = Lease::from(fresh);
        let answer = fresh.exchange_within(GatewayTimeouts::default(), question).await;
        whole(fresh, answer.map_err(|failed| FailureCause::from(failed.error))?).await
    }
}

async fn whole(mut connection: Lease, answer: Response<()>) -> Result<Response<Bytes>, FailureCause> {
    let body = connection.body(LONGEST).await?;
    connection.give_back();
    Ok(answer.map(|()| body))
}

/// 2xx lets in; 3xx and 4xx are for the client; anything else says nothing of the request.
fn judged(answer: Response<Bytes>) -> ServiceVerdict {
    let status = answer.status();
    if status.is_success() {
        ServiceVerdict::Admits(answer.into_parts().0.headers)
    } else if status.is_redirection() || status.is_client_error() {
        ServiceVerdict::Refuses(answer)
    } else if status == StatusCode::SWITCHING_PROTOCOLS {
        ServiceVerdict::Absent("it switched protocols".into())
    } else {
        ServiceVerdict::Absent(format!("it answered {}", status.as_u16()).into())
    }
}

/// Bytes of an answer's body; a login page is far smaller.
const LONGEST: usize = 1 << 20;
