//! The gateway of `frontgate demo`: one page that opens a WebSocket, shows what it sees, and has buttons for what can
//! happen to a gateway.
//!
//! It stands in for the OpenClaw gateway when none is at hand, and for nothing else: it keeps no state and trusts no
//! proxy header.

mod mishap;
mod same_origin;
mod socket;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use mishap::{Mishap, MishapWatch, Mishaps};
use same_origin::is_same_origin;
#[cfg(test)]
pub(super) use socket::PINGS_OF_AN_HOUR;
use socket::PingReports;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::drain::Drain;

/// The page, with its style and script.
const PAGE: &str = include_str!("demo.html");

/// What the page may do: run itself and open a WebSocket to where it came from. `'self'` covers wss since CSP 3; older
/// browsers need the scheme.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self' wss: ws:; base-uri 'none'";

/// The path of a WebSocket that stays silent for an hour.
pub(super) const HOUR: &str = "/hour";

/// The fields by which a proxy tells the gateway about the client. No other field is shown: the page needs no cookie.
const SHOWN: [&str; 9] = [
    "host",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-real-ip",
    "forwarded",
    "origin",
    "sec-websocket-extensions",
];

/// Answers on `listener` until `drain` asks it to finish. `/` is the page and the WebSocket, `/healthz` and `/readyz`
/// are 200. A POST of the page's own to `/demo/…` is a [`Mishap`].
///
/// The WebSocket begins with `{"demo":"hello",...}`, what the gateway was told about the client; then it echoes text
/// and binary messages, and speaks of the pings it gets ([`PingReports`]).
pub(super) async fn serve(listener: TcpListener, drain: Drain) {
    if let Err(error) = serve_through_mishaps(listener, &drain).await {
        tracing::error!(%error, "the demo gateway cannot listen");
    }
}

async fn serve_through_mishaps(mut listener: TcpListener, drain: &Drain) -> io::Result<()> {
    let address = listener.local_addr()?;
    let mishaps = Mishaps::new();
    let mut watch = mishaps.watch();
    loop {
        let life = drain.part();
        let away = tokio::select! {
            () = accept(&listener, &mishaps, &life) => return Ok(()),
            away = next_absence(&mut watch) => away,
        };
        drop(listener);
        life.soften();
        let port = reserve(address)?;
        tokio::select! {
            () = tokio::time::sleep(away) => {}
            () = drain.soft() => return Ok(()),
        }
        life.harden();
        watch.forget();
        listener = port.listen(BACKLOG)?;
    }
}

async fn next_absence(watch: &mut MishapWatch) -> Duration {
    loop {
        if let Mishap::Away(time) = watch.next().await {
            return time;
        }
    }
}

/// Keeps the port, so that no other socket has it when the gateway comes back, and refuses connections.
fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Clients of before may still be there.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn accept(listener: &TcpListener, mishaps: &Mishaps, drain: &Drain) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = drain.soft() => return,
        };
        match accepted {
            Ok((stream, _)) => drain.spawn(connection(stream, mishaps.clone(), drain.clone())),
            Err(error) => {
                tracing::debug!(%error, "the demo gateway could not accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, mishaps: Mishaps, drain: Drain) {
    let service = service_fn(|request| {
        let response = answer(request, &mishaps, &drain);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(15))
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = drain.soft() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = &mut connection => ended,
                () = drain.hard() => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the demo gateway failed");
    }
}

fn answer(mut request: Request<Incoming>, mishaps: &Mishaps, drain: &Drain) -> Response<Full<Bytes>> {
    if let Some(accept) = handshake(&request) {
        let hello = hello(&request);
        let reports = if request.uri().path() == HOUR { PingReports::Hour } else { PingReports::Each };
        let upgrade = hyper::upgrade::on(&mut request);
        drain.spawn(socket::serve(upgrade, hello, reports, mishaps.watch(), drain.clone()));
        return Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_ACCEPT, accept)
            .body(Full::default())
            .expect("names and values are valid");
    }
    let (status, content_type, body) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/") => (StatusCode::OK, "text/html; charset=utf-8", PAGE),
        (&Method::GET | &Method::HEAD, "/healthz" | "/readyz") => {
            (StatusCode::OK, "application/json", "{\"ok\":true}\n")
        }
        (&Method::POST, path) => match Mishap::asked_at(path) {
            Some(_) if !is_same_origin(request.headers()) => {
                (StatusCode::FORBIDDEN, TEXT, "Only the demo's own page may.\n")
            }
            Some(mishap) => {
                mishaps.cause(mishap);
                (StatusCode::ACCEPTED, TEXT, "")
            }
            None => NO_SUCH_PAGE,
        },
        _ => NO_SUCH_PAGE,
    };
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, content_type)
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::CONTENT_SECURITY_POLICY, POLICY)
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .body(Full::from(body))
        .expect("names and values are valid")
}

const TEXT: &str = "text/plain; charset=utf-8";
const NO_SUCH_PAGE: (StatusCode, &str, &str) = (StatusCode::NOT_FOUND, TEXT, "The demo has one page: /\n");
/// As many as may dial at once when the gateway is back; more are taken up by the kernel's own patience.
const BACKLOG: u32 = 1024;

/// The `Sec-WebSocket-Accept` for a WebSocket handshake, if `request` is one (RFC 6455 §4.2.1).
fn handshake(request: &Request<Incoming>) -> Option<String> {
    let lists = |name, word: &str| {
        let values = request.headers().get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(word))
    };
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY)?;
    let asks = request.method() == Method::GET
        && lists(header::CONNECTION, "upgrade")
        && lists(header::UPGRADE, "websocket")
        && lists(header::SEC_WEBSOCKET_VERSION, "13");
    asks.then(|| derive_accept_key(key.as_bytes()))
}

/// The WebSocket's first message: what a proxy told the gateway about the client.
fn hello(request: &Request<Incoming>) -> String {
    let shown = |fields: &HeaderMap| -> Vec<[String; 2]> {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let of = |name| fields.get_all(name).into_iter().map(move |value| [String::from(name), text(value)]);
        SHOWN.into_iter().flat_map(of).collect()
    };
    let protocol = format!("{:?}", request.version());
    serde_json::json!({ "demo": "hello", "protocol": protocol, "headers": shown(request.headers()) }).to_string()
}

#[cfg(test)]
mod tests;
