//! A WebSocket as the Control UI opens it: the handshake, the gateway's first frame, and its answer to a `connect` without
//! credentials.

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

use super::exchange::{Fields, LONGEST_HEAD, PATIENCE, request};
use crate::tls::Stream;
use crate::upstream::Link;

/// How a WebSocket opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) enum Opened {
    /// The gateway's first frame came.
    Challenged {
        /// From the 101 to the frame.
        after: Duration,
        /// How far the gateway's clock is ahead of ours.
        ahead: Option<time::Duration>,
        /// What it said to a `connect`.
        answered: Answered,
    },
    /// It opened, and no frame came in time.
    Silent,
    /// It opened, and what came was no gateway's first frame.
    Other,
    /// It opened and was closed at once.
    Closed {
        /// The close code; 1006 for none.
        code: u16,
        /// Its reason.
        reason: String,
    },
    /// An ordinary response came.
    Refused {
        /// Its status.
        status: StatusCode,
        /// What it is about.
        said: Said,
    },
    /// No answer in HTTP, or none in time.
    Nothing,
}

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doctor) enum Said {
    /// The gateway cannot tell whose request it is.
    Attribution,
    /// Anything else.
    Other,
}

/// What the gateway said to a `connect` of the Control UI without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) enum Answered {
    /// It looked further than the origin.
    OriginAllowed,
    /// The page's origin is not on its list.
    OriginRefused,
    /// It has no token or password set.
    NoSecret,
    /// It is starting, or said nothing in time, or something that says nothing about the origin.
    Unclear,
    /// It was not asked.
    NotAsked,
}

/// Opens a WebSocket at `path` and waits for the gateway's first frame; with an `origin`, goes on to ask whether a page from there
/// may connect. No credential is sent and nothing is asked for, so nothing is paired and no failure is counted.
pub(super) async fn open(stream: Stream, host: &str, path: &str, origin: Option<&str>, fields: &Fields) -> Opened {
    timeout(PATIENCE * 2, attempt(stream, host, path, origin, fields)).await.ok().flatten().unwrap_or(Opened::Nothing)
}

async fn attempt(stream: Stream, host: &str, path: &str, origin: Option<&str>, fields: &Fields) -> Option<Opened> {
    let mut request = request(host, path, fields)?;
    let headers = request.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, key()?);
    if let Some(origin) = origin {
        headers.insert(ORIGIN, origin.parse().ok()?);
    }
    let mut link = Link::open(stream, LONGEST_HEAD);
    let response = timeout(PATIENCE, link.exchange(request)).await.ok()?.ok()?;
    let opened = Instant::now();
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let bytes = timeout(PATIENCE, link.body(LONGEST_REFUSAL)).await.ok()?.unwrap_or_default();
        return Some(Opened::Refused { status: response.status(), said: said(&bytes) });
    }
    let (stream, early) = link.into_stream();
    let config =
        WebSocketConfig::default().max_message_size(Some(LONGEST_MESSAGE)).max_frame_size(Some(LONGEST_MESSAGE));
    let mut socket = WebSocketStream::from_partially_read(stream, early.to_vec(), Role::Client, Some(config)).await;
    let Ok(first) = timeout(PATIENCE, next(&mut socket)).await else { return Some(Opened::Silent) };
    let after = opened.elapsed();
    let first = match first {
        Next::Text(text) => text,
        Next::Closed(code, reason) => return Some(Opened::Closed { code, reason }),
    };
    let Some(Challenge { clock }) = challenge(&first) else { return Some(Opened::Other) };
    let ahead = clock.and_then(|clock| {
        let theirs = OffsetDateTime::from_unix_timestamp_nanos(i128::from(clock) * 1_000_000).ok()?;
        Some(theirs - OffsetDateTime::now_utc())
    });
    let answered = match origin {
        None => Answered::NotAsked,
        Some(_) if socket.send(Message::text(connect())).await.is_err() => Answered::Unclear,
        Some(_) => match timeout(PATIENCE, response_to_connect(&mut socket)).await {
            Ok(answered) => answered,
            Err(_) => Answered::Unclear,
        },
    };
    // Whether the gateway hears that we go makes no difference.
    let _ = timeout(GOODBYE, socket.close(None)).await;
    Some(Opened::Challenged { after, ahead, answered })
}

enum Next {
    Text(String),
    Closed(u16, String),
}

async fn next(socket: &mut WebSocketStream<Stream>) -> Next {
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Text(text) => return Next::Text(text.to_string()),
            Message::Close(Some(frame)) => return Next::Closed(frame.code.into(), frame.reason.to_string()),
            Message::Close(None) => return Next::Closed(1005, String::new()),
            _ => {}
        }
    }
    Next::Closed(1006, String::new())
}

async fn response_to_connect(socket: &mut WebSocketStream<Stream>) -> Answered {
    loop {
        match next(socket).await {
            Next::Text(text) => {
                if let Some(answered) = answered(&text) {
                    return answered;
                }
            }
            Next::Closed(1008, reason) if reason.starts_with("origin not allowed") => return Answered::OriginRefused,
            Next::Closed(..) => return Answered::Unclear,
        }
    }
}

/// The gateway's first frame.
#[derive(Debug, PartialEq, Eq)]
struct Challenge {
    /// Its clock, in milliseconds since 1970.
    clock: Option<i64>,
}

fn challenge(text: &str) -> Option<Challenge> {
    let frame: Value = serde_json::from_str(text).ok()?;
    (frame["event"] == "connect.challenge").then(|| Challenge { clock: frame["payload"]["ts"].as_i64() })
}

/// What a response to our `connect` says; `None` for a frame that is none.
fn answered(text: &str) -> Option<Answered> {
    let frame: Value = serde_json::from_str(text).ok()?;
    if frame["type"] != "res" || frame["id"] != ID {
        return None;
    }
    if frame["ok"] == true {
        return Some(Answered::OriginAllowed);
    }
    let (code, detail) = (&frame["error"]["code"], &frame["error"]["details"]["code"]);
    Some(match (code.as_str().unwrap_or_default(), detail.as_str().unwrap_or_default()) {
        (_, "CONTROL_UI_ORIGIN_NOT_ALLOWED") => Answered::OriginRefused,
        (_, "AUTH_TOKEN_NOT_CONFIGURED" | "AUTH_PASSWORD_NOT_CONFIGURED") => Answered::NoSecret,
        // What is asked for behind the origin.
        (_, detail) if detail.starts_with("AUTH_") || detail.ends_with("IDENTITY_REQUIRED") => Answered::OriginAllowed,
        (_, "PAIRING_REQUIRED") => Answered::OriginAllowed,
        _ => Answered::Unclear,
    })
}

fn said(body: &[u8]) -> Said {
    let word = b"proxy_attribution_required";
    if body.windows(word.len()).any(|window| window == word) { Said::Attribution } else { Said::Other }
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
const GOODBYE: Duration = Duration::from_millis(500);
const LONGEST_REFUSAL: usize = 16 * 1024;
const LONGEST_MESSAGE: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_frame_is_known_by_its_event() {
        let first = r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":17}}"#;
        for (text, expected) in [
            (first, Some(Challenge { clock: Some(17) })),
            (r#"{"event":"connect.challenge"}"#, Some(Challenge { clock: None })),
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
            (row("INVALID_REQUEST", "CONTROL_UI_ORIGIN_NOT_ALLOWED"), Some(Answered::OriginRefused)),
            (row("INVALID_REQUEST", "CONTROL_UI_DEVICE_IDENTITY_REQUIRED"), Some(Answered::OriginAllowed)),
            (row("INVALID_REQUEST", "DEVICE_IDENTITY_REQUIRED"), Some(Answered::OriginAllowed)),
            (row("INVALID_REQUEST", "AUTH_TOKEN_MISSING"), Some(Answered::OriginAllowed)),
            (row("INVALID_REQUEST", "AUTH_TOKEN_NOT_CONFIGURED"), Some(Answered::NoSecret)),
            (row("UNAVAILABLE", "GATEWAY_STARTUP"), Some(Answered::Unclear)),
            (row("INVALID_REQUEST", "PROTOCOL_MISMATCH"), Some(Answered::Unclear)),
            (json!({"type": "res", "id": ID, "ok": true}).to_string(), Some(Answered::OriginAllowed)),
            (json!({"type": "res", "id": "another", "ok": true}).to_string(), None),
            (json!({"type": "event", "event": "tick"}).to_string(), None),
        ] {
            assert_eq!(answered(&text), expected, "{text}");
        }
    }

    #[test]
    fn a_refusal_for_attribution_is_known_by_its_word() {
        let json = br#"{"error":{"code":"proxy_attribution_required","message":"..."}}"#;
        assert_eq!((said(json), said(b"Forbidden")), (Said::Attribution, Said::Other));
    }
}
