//! Whether the gateway is ready, by its own answer.
//!
//! OpenClaw listens one to three seconds before it takes WebSockets, and closes WebSockets that come earlier with 1013.
//! Its `/startupz` says when that is over; it does not exist before 2026.8, where any page is a 200. Then `/readyz` is
//! asked, which also says 503 while one of the message channels is broken, for as long as that lasts. To a client that
//! is not on its machine it does not say which of the two it means.
//!
//! Both answer without forwarding headers and without a login. Any other gateway behind frontgate will hardly know
//! these paths, and counts as ready when it takes connections.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use http::{Request, StatusCode, Uri};

use super::hold::{GatewayReadiness, HeldGateway};
use super::{ConnectError, ConnectionPool, H1Error, PooledConnection, RequestBody};

impl HeldGateway for ConnectionPool {
    type Connection = PooledConnection;

    async fn dial(&self) -> Result<PooledConnection, ConnectError> {
        Self::dial(self).await
    }

    async fn readiness(&self) -> Result<GatewayReadiness, ConnectError> {
        for path in PATHS {
            let readiness = match ask(self.dial().await?, Uri::from_static(path), self.host()).await {
                Ok((status, is_json, body)) => judge(path, status, is_json, &body),
                Err(NoReadiness::HungUp) => Some(GatewayReadiness::Cut),
                Err(NoReadiness::InvalidResponse) => Some(GatewayReadiness::Ready),
            };
            if let Some(readiness) = readiness {
                return Ok(readiness);
            }
        }
        Ok(GatewayReadiness::Ready)
    }
}

/// Why there was no answer to the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoReadiness {
    #[error("it hung up without an answer")]
    HungUp,
    /// The answer is not HTTP.
    #[error("its answer is not HTTP")]
    InvalidResponse,
}

/// Asks over `connection`; returns the status, whether the answer is JSON, and then its body.
pub(super) async fn ask(
    mut connection: PooledConnection,
    target: Uri,
    host: HeaderValue,
) -> Result<(StatusCode, bool, Bytes), NoReadiness> {
    let mut request = Request::new(RequestBody::Empty);
    *request.uri_mut() = target;
    request.headers_mut().insert(HOST, host);
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    let failed = |error: H1Error| match error {
        H1Error::InvalidResponse(_) => NoReadiness::InvalidResponse,
        _ => NoReadiness::HungUp,
    };
    let response = connection.link.exchange(request).await.map_err(|failure| failed(failure.error))?;
    let (status, is_json) = (response.status(), is_json(response.headers()));
    // The body of a page is not read.
    let body = if is_json { connection.link.body(LONGEST).await } else { Ok(Bytes::new()) };
    let body = match body {
        Err(H1Error::TooLong(_)) => Bytes::new(),
        body => body.map_err(failed)?,
    };
    Ok((status, is_json, body))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.to_ascii_lowercase().starts_with("application/json")
}

/// What an answer says about the readiness; `None` if it is not about that.
fn judge(path: &str, status: StatusCode, is_json: bool, body: &[u8]) -> Option<GatewayReadiness> {
    match (path, status) {
        (STARTUPZ, StatusCode::SERVICE_UNAVAILABLE) if is_json => Some(GatewayReadiness::Starting),
        (STARTUPZ, StatusCode::OK) if is_json => Some(GatewayReadiness::Ready),
        (READYZ, StatusCode::SERVICE_UNAVAILABLE) if !has_other_worries(body) => Some(GatewayReadiness::Starting),
        (READYZ, _) => Some(GatewayReadiness::Ready),
        _ => None,
    }
}

/// Whether `/readyz` waits for something else than the start: a message channel, say.
fn has_other_worries(body: &[u8]) -> bool {
    let said: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let failing = said.as_ref().and_then(|said| said.get("failing")?.as_array());
    failing.is_some_and(|failing| !failing.iter().any(|name| name == "startup-sidecars" || name == "gateway-draining"))
}

const STARTUPZ: &str = "/startupz";
const READYZ: &str = "/readyz";
const PATHS: [&str; 2] = [STARTUPZ, READYZ];

/// Bytes of the answer that are read at most: more than the gateway has to say.
const LONGEST: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_waited_for_while_it_says_that_it_starts() {
        let (starting, ready) = (Some(GatewayReadiness::Starting), Some(GatewayReadiness::Ready));
        let json = "application/json; charset=utf-8";
        // As 2026.9 and 2026.7 answer, to clients that are on their machine and to others, and as other gateways may.
        let rows: [(&str, u16, &str, &str, Option<GatewayReadiness>); 14] = [
            (STARTUPZ, 503, json, r#"{"ok":false,"status":"starting","pendingReason":"startup-sidecars"}"#, starting),
            (STARTUPZ, 503, json, r#"{"ok":false,"status":"draining"}"#, starting),
            (STARTUPZ, 200, json, r#"{"ok":true,"status":"started"}"#, ready),
            (STARTUPZ, 200, "text/html; charset=utf-8", "", None),
            (STARTUPZ, 503, "text/plain", "", None),
            (STARTUPZ, 404, json, "{}", None),
            (READYZ, 503, json, r#"{"ready":false,"failing":["startup-sidecars"],"uptimeMs":812}"#, starting),
            (READYZ, 503, json, r#"{"ready":false,"failing":["gateway-draining"]}"#, starting),
            (READYZ, 503, json, r#"{"ready":false}"#, starting),
            (READYZ, 503, json, r#"{"ready":false,"failing":["telegram"]}"#, ready),
            (READYZ, 503, "text/plain", "", starting),
            (READYZ, 200, json, r#"{"ready":true,"failing":[]}"#, ready),
            (READYZ, 403, json, "{}", ready),
            (READYZ, 404, "text/html", "", ready),
        ];
        for (path, status, content_type, body, expected) in rows {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap())]);
            let status = StatusCode::from_u16(status).unwrap();
            let judged = judge(path, status, is_json(&headers), body.as_bytes());
            assert_eq!(judged, expected, "{path} {status} {content_type} {body}");
        }
    }
}
