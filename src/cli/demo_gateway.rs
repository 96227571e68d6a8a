//! The gateway of `frontgate demo`: one page that opens a WebSocket and shows what it sees.
//!
//! It stands in for the OpenClaw gateway when none is at hand, and for nothing else: it keeps no state and trusts no
//! proxy header.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{self, HeaderMap};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::drain::Drain;

/// The page, with its style and script.
const PAGE: &str = include_str!("demo.html");

/// What the page may do: run itself and open a WebSocket to where it came from. `'self'` covers wss since CSP 3; older
/// browsers need the scheme.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self' wss: ws:; base-uri 'none'";

/// A message may be as large as the largest the OpenClaw gateway takes, and one byte more.
const LARGEST: usize = 26_214_401;

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
/// are 200.
///
/// The WebSocket begins with `{"demo":"hello",...}`, what the gateway was told about the client; then it echoes text
/// and binary messages. After each ping it gets it sends `{"demo":"pings","count":n}`, since a page cannot see pings.
pub(super) async fn serve(listener: TcpListener, drain: Drain) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = drain.soft() => return,
        };
        match accepted {
            Ok((stream, _)) => drain.spawn(connection(stream, drain.clone())),
            Err(error) => {
                tracing::debug!(%error, "the demo gateway could not accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, drain: Drain) {
    let service = service_fn(|request| {
        let response = answer(request, &drain);
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

fn answer(mut request: Request<Incoming>, drain: &Drain) -> Response<Full<Bytes>> {
    if let Some(accept) = handshake(&request) {
        let hello = hello(&request);
        let upgrade = hyper::upgrade::on(&mut request);
        drain.spawn(websocket(upgrade, hello, drain.clone()));
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
        _ => (StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "The demo has one page: /\n"),
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

async fn websocket(upgrade: OnUpgrade, hello: String, drain: Drain) {
    let upgraded: Upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => return tracing::debug!(%error, "an upgrade of the demo gateway failed"),
    };
    let limits = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(limits)).await;
    tokio::select! {
        ended = echo(socket, hello, &drain) => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a WebSocket of the demo gateway failed");
            }
        }
        () = drain.hard() => {}
    }
}

async fn echo(mut socket: WebSocketStream<TokioIo<Upgraded>>, hello: String, drain: &Drain) -> Result<(), Error> {
    socket.send(Message::text(hello)).await?;
    let mut pings = 0_u64;
    let mut asked_to_finish = false;
    loop {
        let message = tokio::select! {
            message = socket.next() => message,
            () = drain.soft(), if !asked_to_finish => {
                asked_to_finish = true;
                let restart = CloseFrame { code: CloseCode::Restart, reason: "service restart".into() };
                socket.close(Some(restart)).await?;
                continue;
            }
        };
        match message {
            Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) if !asked_to_finish => {
                socket.send(message).await?;
            }
            // The pong is queued before this message, so it goes first.
            Some(Ok(Message::Ping(_))) if !asked_to_finish => {
                socket.flush().await?;
                pings += 1;
                socket.send(Message::text(format!("{{\"demo\":\"pings\",\"count\":{pings}}}"))).await?;
            }
            Some(Ok(_)) => {}
            Some(Err(Error::ConnectionClosed)) | None => return Ok(()),
            Some(Err(error)) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_tungstenite::client_async;
    use tokio_tungstenite::tungstenite::ClientRequestBuilder;

    use super::*;

    struct Demo {
        addr: std::net::SocketAddr,
        drain: Drain,
    }

    impl Demo {
        async fn start() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let (addr, drain) = (listener.local_addr().unwrap(), Drain::new());
            drain.spawn(serve(listener, drain.clone()));
            Self { addr, drain }
        }

        #[expect(clippy::disallowed_methods, reason = "this is the client")]
        async fn dial(&self) -> TcpStream {
            TcpStream::connect(self.addr).await.unwrap()
        }

        async fn ask(&self, line: &str) -> String {
            let mut stream = self.dial().await;
            stream
                .write_all(format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
                .await
                .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        }

        async fn open(&self) -> WebSocketStream<TcpStream> {
            let request = ClientRequestBuilder::new("ws://gw.example.com:8443/".parse().unwrap())
                .with_header("X-Forwarded-For", "203.0.113.5")
                .with_header("Cookie", "s3cret");
            client_async(request, self.dial().await).await.unwrap().0
        }
    }

    #[tokio::test]
    async fn it_has_a_page_and_two_probes() {
        let demo = Demo::start().await;
        let page = demo.ask("GET /").await;
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.ends_with("</html>\n"), "{page}");
        for probe in ["GET /healthz", "GET /readyz"] {
            assert!(demo.ask(probe).await.starts_with("HTTP/1.1 200 OK\r\n"));
        }
        assert!(demo.ask("GET /other").await.starts_with("HTTP/1.1 404 "));
        assert!(demo.ask("POST /").await.starts_with("HTTP/1.1 404 "));
    }

    #[tokio::test]
    async fn it_says_what_it_was_told_echoes_and_counts_pings() {
        let mut socket = Demo::start().await.open().await;
        let hello = socket.next().await.unwrap().unwrap().into_text().unwrap();
        let hello: serde_json::Value = serde_json::from_str(&hello).unwrap();
        assert_eq!(
            hello,
            serde_json::json!({ "demo": "hello", "protocol": "HTTP/1.1", "headers": [
                ["host", "gw.example.com:8443"],
                ["x-forwarded-for", "203.0.113.5"],
            ] })
        );
        for message in [Message::text("hi"), Message::binary(vec![0, 255]), Message::binary(vec![7; 1 << 20])] {
            socket.send(message.clone()).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), message);
        }
        for count in 1..3 {
            socket.send(Message::Ping(Bytes::from_static(b"p"))).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong(Bytes::from_static(b"p")));
            let expected = Message::text(format!("{{\"demo\":\"pings\",\"count\":{count}}}"));
            assert_eq!(socket.next().await.unwrap().unwrap(), expected);
        }
        socket.close(None).await.unwrap();
        assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
        assert!(socket.next().await.is_none());
    }

    #[tokio::test]
    async fn a_drain_closes_it_with_1012_and_then_ends() {
        let demo = Demo::start().await;
        let mut socket = demo.open().await;
        socket.next().await.unwrap().unwrap();
        demo.drain.soften();
        let Some(Ok(Message::Close(Some(close)))) = socket.next().await else { panic!("no Close") };
        assert_eq!(close.code, CloseCode::Restart);
        assert!(socket.next().await.is_none());
        demo.drain.ended().await;
    }

    #[tokio::test]
    async fn a_hard_stop_cuts_a_client_that_does_not_answer() {
        let demo = Demo::start().await;
        let mut socket = demo.open().await;
        socket.next().await.unwrap().unwrap();
        demo.drain.harden();
        demo.drain.ended().await;
    }
}
