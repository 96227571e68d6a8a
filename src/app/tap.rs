//! The lines of a tap: how the frames of one WebSocket are shown.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::unfold;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, timeout_at};

use super::connections::describe;
use crate::admin::TapLines;
use crate::http::proxy::websockets::OpenWebSocket;
use crate::observe::redact::{Redactor, ShownText};
use crate::websocket::Side;
use crate::websocket::frame::Opcode;
use crate::websocket::tap::{NotShown, Tap, TapItem, TapMessages, TapReader, TappedHead, TappedPayload};

/// What makes the lines of one tap.
struct TapLineMaker {
    reader: TapReader,
    messages: TapMessages,
    redactor: Redactor,
    /// The first line, until it is taken.
    first: Option<Value>,
    over: bool,
}

/// A line for the WebSocket, one for each frame from the next one on, and one for its end. While none passes, empty lines say
/// that the tap is there.
pub(super) fn lines(open: &OpenWebSocket, tap: Tap, redactor: Redactor) -> TapLines {
    let first =
        json!({ "websocket": describe(open, OffsetDateTime::now_utc(), &redactor), "payload": tap == Tap::Payloads });
    let reader = open.relay_stats.tap(tap);
    let maker = TapLineMaker { reader, messages: TapMessages::new(tap), redactor, first: Some(first), over: false };
    Box::pin(unfold(maker, |mut maker| async move { Some((maker.next().await?, maker)) }))
}

impl TapLineMaker {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(line(&first));
        }
        if self.over {
            return None;
        }
        let until = Instant::now() + SIGN_OF_LIFE;
        loop {
            let Ok(event) = timeout_at(until, self.reader.next()).await else { return Some(Bytes::from_static(b"\n")) };
            let Some(event) = event else {
                self.over = true;
                return Some(line(&json!({ "ended": Value::Null, "why": ANOTHER })));
            };
            if let Some(item) = self.messages.add(event) {
                self.over = matches!(item, TapItem::Ended(_));
                return Some(line(&shown(&item, &self.redactor)));
            }
        }
    }
}

fn line(value: &Value) -> Bytes {
    format!("{value}\n").into()
}

fn shown(item: &TapItem, redactor: &Redactor) -> Value {
    match item {
        TapItem::Frame(head, payload) => frame(head, payload, redactor),
        TapItem::Dropped(from, frames) => json!({ "dropped": frames, "direction": direction(*from) }),
        TapItem::Ended(ended) => json!({ "ended": ended }),
    }
}

fn frame(head: &TappedHead, payload: &TappedPayload, redactor: &Redactor) -> Value {
    let at = OffsetDateTime::from(head.at);
    let at = at.replace_nanosecond(at.microsecond() * 1000).unwrap_or(at);
    let mut code = None;
    let (message, data, how) = match payload {
        TappedPayload::NotShown(why) => {
            let (message, how) = not_shown(*why);
            (message, String::new(), how)
        }
        TappedPayload::Whole { opcode: Opcode::Close, bytes, .. } => {
            let (said, reason) = bytes.split_at(bytes.len().min(2));
            code = said.try_into().ok().map(u16::from_be_bytes);
            let (data, how) = data(reason, 0, redactor);
            (Some(Opcode::Close), data, Some(how))
        }
        TappedPayload::Whole { opcode, rsv, bytes } => {
            let (data, how) = data(bytes, *rsv, redactor);
            (Some(*opcode), data, Some(how))
        }
    };
    json!({
        "at": at.format(&Rfc3339).ok(),
        "time": (at.unix_timestamp_nanos() / 1000) as f64 / 1e6,
        "direction": direction(head.from),
        "opcode": head.opcode.as_str(),
        "message": message.map(Opcode::as_str),
        "length": head.len,
        "fin": head.fin,
        "rsv1": head.rsv & 4 != 0,
        "rsv2": head.rsv & 2 != 0,
        "rsv3": head.rsv & 1 != 0,
        "code": code,
        "data": data,
        "shown": how,
    })
}

fn not_shown(why: NotShown) -> (Option<Opcode>, Option<&'static str>) {
    match why {
        NotShown::NotAsked(message) => (message, None),
        NotShown::WithLast => (None, Some("with_last_frame")),
        NotShown::TooLong => (None, Some("too_long")),
        NotShown::Dropped => (None, Some("dropped")),
        NotShown::Begun => (None, Some("begun_before")),
    }
}

/// A payload as it is shown, and how that is. With reserved bits its bytes mean what an extension says, compressed text as a
/// rule: they are shown as they are. Binary messages may be text as well.
fn data(bytes: &[u8], rsv: u8, redactor: &Redactor) -> (String, &'static str) {
    if rsv != 0 {
        return (STANDARD.encode(bytes), "compressed_base64");
    }
    let text = String::from_utf8_lossy(bytes);
    match (redactor.message(&text), text) {
        (ShownText::Hidden, _) => ("***".to_owned(), "hidden"),
        (_, Cow::Owned(_)) => (STANDARD.encode(bytes), "base64"),
        (ShownText::Json(copy), _) => (copy, "json"),
        (ShownText::Plain, text) => (text.into_owned(), "text"),
    }
}

fn direction(from: Side) -> &'static str {
    match from {
        Side::Client => "client_to_gateway",
        Side::Gateway => "gateway_to_client",
    }
}

/// The pause between two signs of life. A connection to the admin listener on which nothing moves for 10 s ends.
const SIGN_OF_LIFE: Duration = Duration::from_secs(4);
const ANOTHER: &str = "another tap has taken this one's place, or frontgate has let the WebSocket go";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_shown_without_its_secrets_or_not_at_all() {
        let redactor = Redactor::new(&crate::config::Log::default().redact);
        for (bytes, rsv, expected) in [
            (&br#"{"a":{"token":"abc"}}"#[..], 0, (r#"{"a":{"token":"***"}}"#, "json")),
            (b"hello", 0, ("hello", "text")),
            (b"token=abc", 0, ("***", "hidden")),
            (b"token=abc\xff", 0, ("***", "hidden")),
            (b"\xff\0", 0, ("/wA=", "base64")),
            (b"\xaa\x56", 4, ("qlY=", "compressed_base64")),
            (b"", 0, ("", "text")),
        ] {
            assert_eq!(data(bytes, rsv, &redactor), (expected.0.to_owned(), expected.1), "{bytes:?}");
        }
    }
}
