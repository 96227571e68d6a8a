//! The admin listener: for the operator and the operator's machines, never for clients.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::drain::Drain;
use crate::listener::{Listener, Socket};
use crate::observe::Readiness;

/// Answers the operator's questions until `drain` softens, which is when a successor answers them, or at the very end: also
/// while clients are drained somebody wants to know.
pub async fn serve(listener: Listener, readiness: Readiness, drain: Drain) {
    let places = Arc::new(Semaphore::new(MOST));
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = drain.soft() => return,
            next = next => next,
        };
        let (Ok(place), Ok((socket, _))) = (place, accepted) else {
            // Out of files, as a rule; the listeners for clients say so. Trying at once again would only burn the processor.
            sleep(PAUSE).await;
            continue;
        };
        let (readiness, watched) = (readiness.clone(), drain.clone());
        drain.spawn(async move {
            tokio::select! {
                () = watched.hard() => {}
                () = connection(socket, readiness) => {}
            }
            drop(place);
        });
    }
}

async fn connection(socket: Socket, readiness: Readiness) {
    let answers = service_fn(move |request: Request<Incoming>| {
        std::future::ready(Ok::<_, Infallible>(answer(request.method(), request.uri().path(), &readiness)))
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(socket), answers)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "admin connection ended");
    }
}

fn answer(method: &Method, path: &str, readiness: &Readiness) -> Response<Full<Bytes>> {
    let (status, text) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/livez") => (StatusCode::OK, "ok\n"),
        (&Method::GET | &Method::HEAD, "/readyz") if readiness.ask(Instant::now()) => (StatusCode::OK, "ready\n"),
        (&Method::GET | &Method::HEAD, "/readyz") => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
        (_, "/livez" | "/readyz") => (StatusCode::METHOD_NOT_ALLOWED, "use GET\n"),
        _ => (StatusCode::NOT_FOUND, "frontgate answers /livez and /readyz here\n"),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Connections at once.
const MOST: usize = 32;
/// Between two tries to accept.
const PAUSE: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(10);
/// hyper's least.
const LONGEST_HEAD: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alive_always_ready_only_when_clients_should_come() {
        let ready = Readiness::new();
        let status = |method, path, ready: &Readiness| answer(&method, path, ready).status().as_u16();
        assert_eq!(status(Method::GET, "/livez", &ready), 200);
        assert_eq!(status(Method::GET, "/readyz", &ready), 503);
        ready.set(true);
        assert_eq!(status(Method::HEAD, "/readyz", &ready), 200);
        ready.set(false);
        assert_eq!(status(Method::GET, "/readyz", &ready), 503);
        assert_eq!(status(Method::POST, "/readyz", &ready), 405);
        assert_eq!(status(Method::GET, "/metrics", &ready), 404);
    }
}
