//! A WebSocket as the Control UI opens it: the handshake, the gateway's first frame, and its answer to a `connect`
//! without credentials.

use std::time::Duration;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{CONNECTION, ORIGIN, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::exchange::{LONGEST_HEAD, LONGEST_WAIT, ProbeFields, request};
use crate::tls::ByteStream;
use crate::upstream::H1Connection;

/// How a WebSocket opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) enum OpenedSocket {
    /// The gateway's first frame came.
    Challenged {
        /// Time from the 101 to the frame.
        after: Duration,
        /// How far the gateway's clock is ahead of ours.
        ahead: Option<time::Duration>,
        /// What the gateway said to a `connect`.
        answered: ConnectAnswer,
    },
    /// The WebSocket opened, and no frame came in time.
    Silent,
    /// The WebSocket opened, and what came was no gateway's first frame.
    Other,
    /// The WebSocket opened and was closed at once.
    Closed {
        /// The close code; 1006 for a connection that ended without one.
        code: u16,
        /// The reason in the Close frame.
        reason: String,
    },
    /// The gateway answered with an ordinary response.
    Refused {
        /// The status of the response.
        status: StatusCode,
        /// What the response says is wrong.
        said: RefusalSubject,
    },
    /// No answer in HTTP, or none in time.
    Nothing,
}

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doctor) enum RefusalSubject {
    /// The gateway cannot tell which client the request is from.
    Attribution,
    /// The refusal is about anything else.
    Other,
}

/// What the gateway said to a `connect` of the Control UI without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) enum ConnectAnswer {
    /// The gateway let the origin pass and refused for another reason.
    OriginAllowed,
    /// The page's origin is not on the gateway's list.
    OriginRefused,
    /// The gateway has no token or password set.
    NoSecret,
    /// The gateway is starting, or said nothing in time, or nothing about the origin.
    Unclear,
    /// No `connect` was sent.
    NotAsked,
}

/// Opens a WebSocket at `path` and waits for the gateway's first frame; with an `origin`, goes on to ask whether a page
/// from there may connect. No credential is sent and nothing is asked for, so nothing is paired and no failure is
/// counted.
pub(super) async fn open(
    stream: ByteStream,
    host: &str,
    path: &str,
    origin: Option<&str>,
    fields: &ProbeFields,
) -> OpenedSocket {
    timeout(LONGEST_WAIT * 2, attempt(stream, host, path, origin, fields))
        .await
        .ok()
        .flatten()
        .unwrap_or(OpenedSocket::Nothing)
}

async fn attempt(
    stream: ByteStream,
    host: &str,
    path: &str,
    origin: Option<&str>,
    fields: &ProbeFields,
) -> Option<OpenedSocket> {
    let mut request = request(host, path, fields)?;
    let headers = request.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, key()?);
    if let Some(origin) = origin {
        headers.insert(ORIGIN, origin.parse().ok()?);
    }
    let mut link = H1Connection::open(stream, LONGEST_HEAD);
    let response = timeout(LONGEST_WAIT, link.exchange(request)).await.ok()?.ok()?;
    let opened = Instant::now();
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let bytes = timeout(LONGEST_WAIT, link.body(LONGEST_REFUSAL)).await.ok()?.unwrap_or_default();
        return Some(OpenedSocket::Refused { status: response.status(), said: said(&bytes) });
    }
    let (stream, early) = link.into_stream();
    let config =
        WebSocketConfig::default().max_message_size(Some(LONGEST_MESSAGE)).max_frame_size(Some(LONGEST_MESSAGE));
    let mut socket = WebSocketStream::from_partially_read(stream, early.to_vec(), Role::Client, Some(config)).await;
    let Ok(first) = timeout(LONGEST_WAIT, next(&mut socket)).await else { return Some(OpenedSocket::Silent) };
    let after = opened.elapsed();
    let first = match first {
        NextFrame::Text(text) => text,
        NextFrame::Closed(code, reason) => return Some(OpenedSocket::Closed { code, reason }),
    };
    let Some(GatewayChallenge { clock }) = challenge(&first) else { return Some(OpenedSocket::Other) };
    let ahead = clock.and_then(|clock| {
        let theirs = OffsetDateTime::from_unix_timestamp_nanos(i128::from(clock) * 1_000_000).ok()?;
        Some(theirs - OffsetDateTime::now_utc())
    });
    let answered = match origin {
        None => ConnectAnswer::NotAsked,
        Some(_) if socket.send(Message::text(connect())).await.is_err() => ConnectAnswer::Unclear,
        Some(_) => match timeout(LONGEST_WAIT, response_to_connect(&mut socket)).await {
            Ok(answered) => answered,
            Err(_) => ConnectAnswer::Unclear,
        },
    };
    // Whether the gateway receives our Close makes no difference.
    let _ = timeout(CLOSE_WAIT, socket.close(None)).await;
    Some(OpenedSocket::Challenged { after, ahead, answered })
}

enum NextFrame {
    Text(String),
    Closed(u16, String),
}

async fn next(socket: &mut WebSocketStream<ByteStream>) -> NextFrame {
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Text(text) => return NextFrame::Text(text.to_string()),
            Message::Close(Some(frame)) => return NextFrame::Closed(frame.code.into(), frame.reason.to_string()),
            Message::Close(None) => return NextFrame::Closed(1005, String::new()),
            _ => {}
        }
    }
    NextFrame::Closed(1006, String::new())
}

async fn response_to_connect(socket: &mut WebSocketStream<ByteStream>) -> ConnectAnswer {
    loop {
        match next(socket).await {
            NextFrame::Text(text) => {
                if let Some(answered) = answered(&text) {
                    return answered;
                }
            }
            NextFrame::Closed(1008, reason) if reason.starts_with("origin not allowed") => {
                return ConnectAnswer::OriginRefused;
            }
            NextFrame::Closed(..) => return ConnectAnswer::Unclear,
        }
    }
}

/// The gateway's first frame.
#[derive(Debug, PartialEq, Eq)]
struct GatewayChallenge {
    /// The gateway's clock, in milliseconds since 1970.
    clock: Option<i64>,
}

fn challenge(text: &str) -> Option<GatewayChallenge> {
    let frame: Value = serde_json::from_str(text).ok()?;
    (frame["event"] == "connect.challenge").then(|| GatewayChallenge { clock: frame["payload"]["ts"].as_i64() })
}

/// What a response to our `connect` says; `None` for a frame that is none.
fn answered(text: &str) -> Option<ConnectAnswer> {
    let frame: Value = serde_json::from_str(text).ok()?;
    if frame["type"] != "res" || frame["id"] != ID {
        return None;
    }
    if frame["ok"] == true {
        return Some(ConnectAnswer::OriginAllowed);
    }
    let (code, detail) = (&frame["error"]["code"], &frame["error"]["details"]["code"]);
    Some(match (code.as_str().unwrap_or_default(), detail.as_str().unwrap_or_default()) {
        (_, "CONTROL_UI_ORIGIN_NOT_ALLOWED") => ConnectAnswer::OriginRefused,
        (_, "AUTH_TOKEN_NOT_CONFIGURED" | "AUTH_PASSWORD_NOT_CONFIGURED") => ConnectAnswer::NoSecret,
        // The gateway checks these after the origin.
        (_, detail) if detail.starts_with("AUTH_") || detail.ends_with("IDENTITY_REQUIRED") => {
            ConnectAnswer::OriginAllowed
        }
        (_, "PAIRING_REQUIRED") => ConnectAnswer::OriginAllowed,
        _ => ConnectAnswer::Unclear,
    })
}

fn said(body: &[u8]) -> RefusalSubject {
    let word = b"proxy_attribution_required";
    if body.windows(word.len()).any(|window| window == word) {
        RefusalSubject::Attribution
    } else {
        RefusalSubject::Other
    }
}

fn connect() -> String {
    // No device, no credential, no scope: there is nothing to pair and nothing to guess.
    json!({
        "type": "req", "id": ID, "method": "connect",
        "params": {
            "minProtocol": 4, "maxProtocol": 4, "role": "operator", "scopes": [], "caps": [], "commands": [],
            "permissions": {}, "locale": "en-US", "userAgent": "frontgate-doctor",
            "client": {
                "id": "openclaw-control-ui", "version": env!("CARGO_PKG_VERSION"), "platform": "web", "mode": "webchat",
            },
        },
    })
    .to_string()
}

fn key() -> Option<HeaderValue> {
    let mut nonce = [0; 16];
    rand::fill(&mut nonce).ok()?;
    HeaderValue::try_from(STANDARD.encode(nonce)).ok()
}

const ID: &str = "frontgate-doctor";
const CLOSE_WAIT: Duration = Duration::from_millis(500);
const LONGEST_REFUSAL: usize = 16 * 1024;
const LONGEST_MESSAGE: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_frame_is_known_by_its_event() {
        let first = r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":17}}"#;
        for (text, expected) in [
            (first, Some(GatewayChallenge { clock: Some(17) })),
            (r#"{"event":"connect.challenge"}"#, Some(GatewayChallenge { clock: None })),
            (r#"{"type":"event","event":"tick"}"#, None),
            ("hello", None),
        ] {
            assert_eq!(challenge(text), expected, "{text}");
        }
    }

    #[test]
    fn an_answer_says_whether_the_origin_was_the_trouble() {
        let row = |code: &str, detail: &str| {
            json!({"type": "res", "id": ID, "ok": false, "error": {"code": code, "details": {"code": detail}}})
                .to_string()
        };
        for (text, expected) in [
            (row("INVALID_REQUEST", "CONTROL_UI_ORIGIN_NOT_ALLOWED"), Some(ConnectAnswer::OriginRefused)),
            (row("INVALID_REQUEST", "CONTROL_UI_DEVICE_IDENTITY_REQUIRED"), Some(ConnectAnswer::OriginAllowed)),
            (row("INVALID_REQUEST", "DEVICE_IDENTITY_REQUIRED"), Some(ConnectAnswer::OriginAllowed)),
            (row("INVALID_REQUEST", "AUTH_TOKEN_MISSING"), Some(ConnectAnswer::OriginAllowed)),
            (row("INVALID_REQUEST", "AUTH_TOKEN_NOT_CONFIGURED"), Some(ConnectAnswer::NoSecret)),
            (row("UNAVAILABLE", "GATEWAY_STARTUP"), Some(ConnectAnswer::Unclear)),
            (row("INVALID_REQUEST", "PROTOCOL_MISMATCH"), Some(ConnectAnswer::Unclear)),
            (json!({"type": "res", "id": ID, "ok": true}).to_string(), Some(ConnectAnswer::OriginAllowed)),
            (json!({"type": "res", "id": "another", "ok": true}).to_string(), None),
            (json!({"type": "event", "event": "tick"}).to_string(), None),
        ] {
            assert_eq!(answered(&text), expected, "{text}");
        }
    }

    #[test]
    fn a_refusal_for_attribution_is_known_by_its_word() {
        let json = br#"{"error":{"code":"proxy_attribution_required","message":"..."}}"#;
        assert_eq!((said(json), said(b"Forbidden")), (RefusalSubject::Attribution, RefusalSubject::Other));
    }
}
