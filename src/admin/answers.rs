//! [`answer`]: the answer to one query of an operator.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode, Uri};
use http_body_util::Full;
use tokio::time::Instant;

use super::connections_query::{ConnectionField, ConnectionsQuery};
use super::query::{AdminQuery, query};
use super::{OperationRefused, OperatorControl};
use crate::observe::Readiness;
use crate::observe::metrics::CONTENT_TYPE as CONTENT_TYPE_OF_METRICS;

/// An answer of the admin listener.
pub(super) type OperatorAnswer = Response<Full<Bytes>>;

/// Does what the request asks for, and says how that went.
pub(super) async fn answer(
    method: &Method,
    uri: &Uri,
    readiness: &Readiness,
    control: &dyn OperatorControl,
) -> OperatorAnswer {
    match query(method, uri) {
        AdminQuery::Probe => probe(uri.path(), readiness),
        AdminQuery::Status => json(&control.status()),
        AdminQuery::Config => made(StatusCode::OK, "application/yaml", control.config().into()),
        AdminQuery::Metrics => made(StatusCode::OK, CONTENT_TYPE_OF_METRICS, control.metrics().into()),
        AdminQuery::Connections(query) => json(&control.connections(&query)),
        AdminQuery::CloseUser { user, reason } => {
            let filters = vec![(ConnectionField::User, user)];
            match control.close_all(&ConnectionsQuery { filters, ..ConnectionsQuery::default() }, &reason) {
                0 => text(StatusCode::NOT_FOUND, "no WebSocket of this user is open\n"),
                closing => text(StatusCode::OK, format!("closing {closing}\n")),
            }
        }
        AdminQuery::Close { id, reason } => {
            if control.close(id, &reason) {
                text(StatusCode::OK, "closing\n")
            } else {
                text(StatusCode::NOT_FOUND, "no WebSocket has this id, or it has ended\n")
            }
        }
        AdminQuery::Reload => match control.reload().await {
            Ok(()) => text(StatusCode::OK, "reloaded\n"),
            Err(OperationRefused { status, why }) => text(status, why + "\n"),
        },
        AdminQuery::Handover => match control.upgrade().await {
            Ok(pid) => text(StatusCode::OK, format!("process {pid} has taken over\n")),
            Err(OperationRefused { status, why }) => text(status, why + "\n"),
        },
        AdminQuery::Drain => {
            control.drain();
            text(StatusCode::ACCEPTED, "draining\n")
        }
        AdminQuery::Rejected(status, why) => text(status, why),
    }
}

/// Every answer is about one moment.
pub(super) fn not_stored(mut answer: OperatorAnswer) -> OperatorAnswer {
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn probe(path: &str, readiness: &Readiness) -> OperatorAnswer {
    match path {
        "/readyz" if readiness.ask(Instant::now()) => text(StatusCode::OK, "ready\n"),
        "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
        _ => text(StatusCode::OK, "ok\n"),
    }
}

pub(super) fn text(status: StatusCode, text: impl Into<Bytes>) -> OperatorAnswer {
    made(status, "text/plain; charset=utf-8", text.into())
}

fn json(value: &serde_json::Value) -> OperatorAnswer {
    made(StatusCode::OK, "application/json", format!("{value:#}\n").into())
}

fn made(status: StatusCode, content_type: &'static str, body: Bytes) -> OperatorAnswer {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alive_always_ready_only_when_clients_should_come() {
        let ready = Readiness::new();
        let status = |path, ready: &Readiness| probe(path, ready).status().as_u16();
        assert_eq!((status("/livez", &ready), status("/readyz", &ready)), (200, 503));
        ready.set(true);
        assert_eq!((status("/livez", &ready), status("/readyz", &ready)), (200, 200));
        ready.set(false);
        assert_eq!((status("/livez", &ready), status("/readyz", &ready)), (200, 503));
    }
}
