//! [`answer`]: the answer to one query of an operator.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::CACHE_CONTROL;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tokio::time::{Instant, sleep, timeout};

use super::guard::AdminGuard;
use super::operator_answer::{OperatorAnswer, stream, text, whole};
use super::page;
use super::page::{AFTER_A_WRONG_TOKEN, PageLogin, PageToken};
use super::query::{AdminQuery, query};
use super::{CloseOrder, OperationRefused, OperatorControl};
use crate::drain::Drain;
use crate::observe::Readiness;
use crate::observe::metrics::CONTENT_TYPE as CONTENT_TYPE_OF_METRICS;

/// What answers operators.
#[derive(Clone)]
pub(super) struct AdminService {
    pub(super) guard: Arc<AdminGuard>,
    pub(super) peer: Option<IpAddr>,
    pub(super) page: PageToken,
    pub(super) readiness: Readiness,
    pub(super) control: Arc<dyn OperatorControl>,
    pub(super) drain: Drain,
}

/// Does what the request asks for, and says how that went.
pub(super) async fn answer(request: Request<Incoming>, service: &AdminService) -> OperatorAnswer {
    let (head, body) = request.into_parts();
    let control = &*service.control;
    match query(&head.method, &head.uri) {
        AdminQuery::Probe => probe(head.uri.path(), &service.readiness),
        AdminQuery::Page => service.page.page(),
        AdminQuery::Login => match timeout(FORM_TIME, Limited::new(body, LONGEST_FORM).collect()).await {
            Ok(Ok(form)) => login(&form.to_bytes(), service).await,
            _ => text(StatusCode::BAD_REQUEST, "the form is cut or too long\n"),
        },
        AdminQuery::Events(query) => page::events(Arc::clone(&service.control), *query, service.drain.clone()),
        AdminQuery::PageClose { .. } | AdminQuery::PageDoctor if !service.page.is_shown(&head.headers) => {
            text(StatusCode::FORBIDDEN, "only the page at / asks so, with its token\n")
        }
        AdminQuery::PageClose { id } => action(control.close(&id, CloseOrder::default()).await),
        AdminQuery::PageDoctor => match control.doctor().await {
            Ok(report) => json(&report),
            Err(OperationRefused { status, why }) => text(status, why + "\n"),
        },
        AdminQuery::Status => json(&control.status()),
        AdminQuery::Config => whole(StatusCode::OK, "application/yaml", control.config().into()),
        AdminQuery::Metrics => whole(StatusCode::OK, CONTENT_TYPE_OF_METRICS, control.metrics().into()),
        AdminQuery::Connections(query) => json(&if query.cluster {
            control.connections_everywhere(*query).await
        } else {
            control.connections(&query)
        }),
        AdminQuery::Tap { id, payload } => match control.tap(id, payload) {
            Some(lines) => stream("application/x-ndjson", lines),
            None => text(StatusCode::NOT_FOUND, "no WebSocket has this id, or it has ended\n"),
        },
        AdminQuery::CloseUser { user, how } => action(control.close_user(&user, how).await),
        AdminQuery::Close { id, how } => action(control.close(id, how).await),
        AdminQuery::Reload => match control.reload().await {
            Ok(()) => text(StatusCode::OK, "reloaded\n"),
            Err(OperationRefused { status, why }) => text(status, why + "\n"),
        },
        AdminQuery::Handover => match control.upgrade().await {
            Ok(pid) => text(StatusCode::OK, format!("process {pid} has taken over\n")),
            Err(OperationRefused { status, why }) => text(status, why + "\n"),
        },
        AdminQuery::DrainEndpoint { endpoint, over } => action(control.drain_endpoint(endpoint, over).await),
        AdminQuery::ResumeEndpoint(endpoint) => action(control.resume_endpoint(endpoint).await),
        AdminQuery::Drain => {
            control.drain();
            text(StatusCode::ACCEPTED, "draining\n")
        }
        AdminQuery::Rejected(status, why) => text(status, why),
    }
}

async fn login(form: &[u8], service: &AdminService) -> OperatorAnswer {
    let guard = &service.guard;
    match page::login(form, guard.token.as_ref(), &guard.logins, SystemTime::now()) {
        PageLogin::Done(answer) => answer,
        PageLogin::Wrong => {
            guard.tell_wrong_token(service.peer);
            // Guessing takes its time.
            sleep(AFTER_A_WRONG_TOKEN).await;
            page::login_page(true)
        }
    }
}

fn action(done: Result<String, OperationRefused>) -> OperatorAnswer {
    match done {
        Ok(said) => text(StatusCode::OK, said + "\n"),
        Err(OperationRefused { status, why }) => text(status, why + "\n"),
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

fn json(value: &serde_json::Value) -> OperatorAnswer {
    whole(StatusCode::OK, "application/json", format!("{value:#}\n").into())
}

/// Bytes of the form with a token.
const LONGEST_FORM: usize = 4096;
/// For all of it.
const FORM_TIME: Duration = Duration::from_secs(5);

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
