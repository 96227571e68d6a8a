//! The admin listener: for the operator and the operator's machines, never for clients.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::{Instant, sleep, sleep_until};

use crate::config::Secret;
use crate::drain::Drain;
use crate::io::StreamSocket;
use crate::listener::Listener;
use crate::observe::Readiness;
use crate::observe::metrics::CONTENT_TYPE as CONTENT_TYPE_OF_METRICS;
use guard::{AdminEntry, AdminGuard, AdminRefusal, one_host};
use permits::{AdminConnection, AdminPermit, AdminPermits};
use query::{AdminQuery, query};
use watched_stream::WatchedStream;

mod guard;
mod permits;
mod query;
mod watched_stream;

/// The operations that an operator can ask the admin listener for.
pub trait OperatorControl: Send + Sync + 'static {
    /// Reads the configuration again and takes it over.
    fn reload(&self) -> PendingReload;
    /// Starts the program once more to take over from this process.
    fn upgrade(&self) -> PendingHandover;
    /// Begins the drain: no new client is accepted, and requests and WebSockets under way finish.
    fn drain(&self);
    /// Every metric, in the text format of `OpenMetrics`.
    fn metrics(&self) -> String;
    /// The WebSockets that are open, as JSON.
    fn connections(&self) -> serde_json::Value;
    /// Ends the WebSocket with this id; its client gets `reason` in the Close frame. `false` if there is no such
    /// WebSocket.
    fn close(&self, id: &str, reason: &str) -> bool;
    /// The state of the process, as JSON.
    fn status(&self) -> serde_json::Value;
    /// The configuration in use, flags and environment included, as YAML with its secrets masked.
    fn config(&self) -> String;
}

/// A reload that is under way.
pub type PendingReload = Pin<Box<dyn Future<Output = Result<(), OperationRefused>> + Send>>;

/// A handover that is under way; resolves to the process id of the process that serves from then on.
pub type PendingHandover = Pin<Box<dyn Future<Output = Result<u32, OperationRefused>> + Send>>;

/// Why an operation was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationRefused {
    /// The status of the answer, which says whether the request or frontgate is at fault.
    pub status: StatusCode,
    /// The reason in words, for the operator.
    pub why: String,
}

/// Answers operators until `drain` softens, which is when a successor answers them, or at the very end: operators and
/// load balancers ask also while clients are drained.
///
/// Where there is a `token`, it is asked for. Connections that stall keep the operator out for no moment: see [`AdminPermits`].
pub async fn serve(
    listener: Listener,
    token: Option<Secret>,
    readiness: Readiness,
    control: Arc<dyn OperatorControl>,
    drain: Drain,
) {
    let guard = Arc::new(AdminGuard { token });
    let places = AdminPermits::new(MOST);
    loop {
        let accepted = tokio::select! {
            () = drain.soft() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((socket, peer)) = accepted else {
            // Usually the process is out of files; the listeners for clients log that. Trying again at once would only
            // burn the processor.
            sleep(PAUSE).await;
            continue;
        };
        let place = places.enter(peer.ip());
        let (readiness, control, watched) = (readiness.clone(), Arc::clone(&control), drain.clone());
        let guard = Arc::clone(&guard);
        drain.spawn(async move {
            tokio::select! {
                () = watched.hard() => {}
                () = place.connected().must_leave() => tracing::debug!("an admin connection leaves for another"),
                () = stalled(place.connected()) => tracing::debug!("admin connection ended: it stood still"),
                () = connection(socket, &place, guard, readiness, control) => {}
            }
        });
    }
}

/// Resolves when the client of a connection has neither sent nor taken a byte for too long.
async fn stalled(connected: &AdminConnection) {
    loop {
        let until = connected.waits_since().unwrap_or_else(tokio::time::Instant::now) + PATIENCE;
        if until <= tokio::time::Instant::now() {
            return;
        }
        sleep_until(until).await;
    }
}

async fn connection(
    socket: StreamSocket,
    place: &AdminPermit,
    guard: Arc<AdminGuard>,
    readiness: Readiness,
    control: Arc<dyn OperatorControl>,
) {
    let entry = socket.local_ip().map_or(AdminEntry::Unix, AdminEntry::Tcp);
    let connected = Arc::clone(place.connected());
    let io = WatchedStream::new(socket, Arc::clone(&connected));
    let answers = service_fn(move |request: Request<Incoming>| {
        let (readiness, control, guard) = (readiness.clone(), Arc::clone(&control), Arc::clone(&guard));
        let answering = connected.answering();
        async move {
            let _answering = answering;
            let path = request.uri().path();
            let (uri, headers) = (request.uri(), request.headers());
            let asked = query(request.method(), uri);
            // A load balancer probes under any host name, and without a token.
            let guarded =
                if asked == AdminQuery::Probe { one_host(headers).map(drop) } else { guard.check(entry, uri, headers) };
            if let Err(refused) = guarded {
                return Ok(refusal(refused));
            }
            Ok::<_, Infallible>(match asked {
                AdminQuery::Probe => probe(path, &readiness),
                AdminQuery::Status => json(&control.status()),
                AdminQuery::Config => answer(StatusCode::OK, "application/yaml", control.config().into()),
                AdminQuery::Metrics => answer(StatusCode::OK, CONTENT_TYPE_OF_METRICS, control.metrics().into()),
                AdminQuery::Connections => json(&control.connections()),
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
            })
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(io), answers)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "admin connection ended");
    }
}

fn probe(path: &str, readiness: &Readiness) -> Response<Full<Bytes>> {
    match path {
        "/readyz" if readiness.ask(Instant::now()) => text(StatusCode::OK, "ready\n"),
        "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
        _ => text(StatusCode::OK, "ok\n"),
    }
}

fn refusal(refused: AdminRefusal) -> Response<Full<Bytes>> {
    let mut response = text(refused.status(), refused.why());
    if refused == AdminRefusal::NoToken {
        let realm = HeaderValue::from_static("Bearer realm=\"frontgate admin\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, realm);
    }
    response
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    answer(status, "text/plain; charset=utf-8", text.into())
}

fn json(value: &serde_json::Value) -> Response<Full<Bytes>> {
    answer(StatusCode::OK, "application/json", format!("{value:#}\n").into())
}

fn answer(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The most connections at once.
const MOST: usize = 32;
/// The pause between two tries to accept.
const PAUSE: Duration = Duration::from_millis(100);
/// For a request's head, and between two requests.
const HEAD: Duration = Duration::from_secs(5);
/// Without a byte either way.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes; the smallest limit that hyper allows.
const LONGEST_HEAD: usize = 8192;

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
