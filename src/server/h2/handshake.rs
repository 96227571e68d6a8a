//! [`StreamPurpose`]: what a request over HTTP/2 asks for, and a WebSocket's handshake in the form of HTTP/1.1 (RFC 8441 §5).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use h2::ext::Protocol;
use http::header::{CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_KEY, UPGRADE, USER_AGENT};
use http::{HeaderValue, Method, Request};

use super::old_clients::breaks_over_http2;
use crate::http::error::{BadRequest, RequestFailure};

/// What a request over HTTP/2 asks for.
#[derive(Debug)]
pub(super) enum StreamPurpose {
    /// An ordinary answer.
    Answer,
    /// A WebSocket.
    WebSocket,
    /// A WebSocket, of a client or a configuration that has them over HTTP/1.1 only.
    WebSocketOverHttp1,
    /// Nothing that there is.
    Refused(RequestFailure),
}

/// What a request's method and protocol ask for, before anything is decided about it (RFC 8441 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectPurpose {
    /// No extended CONNECT.
    Other,
    /// A WebSocket.
    WebSocket,
    /// Another protocol.
    UnknownProtocol,
    /// A WebSocket with a body, or of a client that has ended its side.
    WithBody,
}

impl ConnectPurpose {
    /// What `request` asks for; `open` says whether the client may still send something on its stream.
    pub fn of<B>(request: &Request<B>, open: bool) -> Self {
        let Some(protocol) = request.extensions().get::<Protocol>() else { return Self::Other };
        if !protocol.as_str().eq_ignore_ascii_case("websocket") {
            return Self::UnknownProtocol;
        }
        // RFC 9110 §9.3.6: a CONNECT has no content. A client that has ended its side cannot use a WebSocket.
        let has_body = request.headers().get(CONTENT_LENGTH).is_some_and(|length| length != "0");
        if has_body || !open { Self::WithBody } else { Self::WebSocket }
    }
}

/// Makes a CONNECT for a WebSocket the GET that asks for it over HTTP/1.1: it passes the same guards, and the gateway gets the
/// same handshake. Its key is frontgate's own, since over HTTP/2 there is none. False if there is no randomness for one.
pub fn ask_over_http1<B>(request: &mut Request<B>) -> bool {
    let Some(key) = fresh_key() else { return false };
    request.extensions_mut().remove::<Protocol>();
    let fields = request.headers_mut();
    fields.remove(CONTENT_LENGTH);
    fields.insert(SEC_WEBSOCKET_KEY, key);
    fields.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    fields.insert(UPGRADE, HeaderValue::from_static("websocket"));
    *request.method_mut() = Method::GET;
    true
}

impl StreamPurpose {
    /// What `request` asks for; `open` says whether the client may still send something on its stream, `allowed` whether WebSockets are
    /// served over HTTP/2. A CONNECT that is granted has become a request of HTTP/1.1.
    pub(super) fn of<B>(request: &mut Request<B>, open: bool, allowed: bool) -> Self {
        match ConnectPurpose::of(request, open) {
            ConnectPurpose::Other => return Self::Answer,
            ConnectPurpose::UnknownProtocol => return Self::Refused(RequestFailure::UnknownProtocol),
            ConnectPurpose::WithBody => {
                return Self::Refused(RequestFailure::BadRequest(BadRequest::ConnectWithBody));
            }
            ConnectPurpose::WebSocket => {}
        }
        if !allowed || request.headers().get(USER_AGENT).is_some_and(breaks_over_http2) {
            Self::WebSocketOverHttp1
        } else if ask_over_http1(request) {
            Self::WebSocket
        } else {
            Self::Refused(RequestFailure::Internal)
        }
    }
}

/// A key that no other handshake has: 16 random bytes in base64 (RFC 6455 §4.1). `None` if there is no randomness.
fn fresh_key() -> Option<HeaderValue> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    HeaderValue::try_from(STANDARD.encode(bytes)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Fields = &'static [(&'static str, &'static str)];

    fn asked(protocol: Option<&'static str>, fields: &[(&str, &str)]) -> Request<()> {
        let method = if protocol.is_some() { Method::CONNECT } else { Method::GET };
        let fields = fields
            .iter()
            .fold(Request::builder().method(method), |request, (name, value)| request.header(*name, *value));
        let mut request = fields.uri("https://gw.example.com/openclaw?a=b").body(()).unwrap();
        if let Some(protocol) = protocol {
            request.extensions_mut().insert(Protocol::from_static(protocol));
        }
        request
    }

    #[test]
    fn a_connect_asks_for_a_websocket_or_for_nothing_that_there_is() {
        const OLD: (&str, &str) =
            ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:88.0) Gecko/20100101 Firefox/88.0");
        let ws = Some("websocket");
        // The protocol, the fields, whether the stream is open, whether WebSockets are served.
        let rows: [(Option<&'static str>, Fields, bool, bool, &str); 11] = [
            (None, &[], false, true, "Answer"),
            (None, &[("user-agent", OLD.1)], true, false, "Answer"),
            (ws, &[], true, true, "WebSocket"),
            (Some("WebSocket"), &[("content-length", "0")], true, true, "WebSocket"),
            (Some("connect-udp"), &[], true, true, "Refused(UnknownProtocol)"),
            (Some("websocket2"), &[], true, false, "Refused(UnknownProtocol)"),
            (Some(""), &[], true, true, "Refused(UnknownProtocol)"),
            (ws, &[("content-length", "5")], true, true, "Refused(BadRequest(ConnectWithBody))"),
            (ws, &[], false, true, "Refused(BadRequest(ConnectWithBody))"),
            (ws, &[], true, false, "WebSocketOverHttp1"),
            (ws, &[OLD], true, true, "WebSocketOverHttp1"),
        ];
        for (protocol, fields, open, allowed, expected) in rows {
            let mut request = asked(protocol, fields);
            assert_eq!(
                format!("{:?}", StreamPurpose::of(&mut request, open, allowed)),
                expected,
                "{protocol:?} {fields:?}"
            );
            let is_get = protocol.is_none() || expected == "WebSocket";
            assert_eq!(request.method(), if is_get { Method::GET } else { Method::CONNECT });
        }
    }

    #[test]
    fn the_handshake_is_that_of_http_1_with_a_key_of_its_own() {
        let fields =
            [("sec-websocket-version", "13"), ("sec-websocket-key", "AAAA"), ("origin", "https://gw.example.com")];
        let handshake = || {
            let mut request = asked(Some("websocket"), &fields);
            StreamPurpose::of(&mut request, true, true);
            request
        };
        let (one, other) = (handshake(), handshake());
        let fields = |name| one.headers().get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!((fields("connection"), fields("upgrade")), (vec!["Upgrade"], vec!["websocket"]));
        assert_eq!((fields("sec-websocket-version"), fields("origin")), (vec!["13"], vec!["https://gw.example.com"]));
        let key = |request: &Request<()>| STANDARD.decode(&request.headers()[SEC_WEBSOCKET_KEY]).unwrap();
        assert_eq!((fields("sec-websocket-key").len(), key(&one).len()), (1, 16));
        assert_ne!(key(&one), key(&other));
        assert_eq!(one.uri(), "https://gw.example.com/openclaw?a=b");
    }
}
