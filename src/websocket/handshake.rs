//! The opening handshake (RFC 6455 §4): what an upgrade is, whether the gateway switched, and whose pages may ask.

use http::header::{AsHeaderName, CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use http::{Method, StatusCode, Version};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::config::AllowedOrigins;

/// Whether a request asks for a WebSocket: a GET over HTTP/1.1 without a body whose Connection names `upgrade` and whose
/// Upgrade names `websocket` (RFC 6455 §4.1). Anything else is an ordinary request.
pub fn is_upgrade(method: &Method, version: Version, headers: &HeaderMap, has_body: bool) -> bool {
    method == Method::GET
        && version == Version::HTTP_11
        && !has_body
        && names(headers, CONNECTION, "upgrade")
        && names(headers, UPGRADE, "websocket")
}

/// The `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key` (RFC 6455 §4.2.2).
pub fn accept_key(key: &HeaderValue) -> String {
    derive_accept_key(key.as_bytes().trim_ascii())
}

/// Why a response does not open a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSwitched {
    /// An ordinary response, which goes back to the client as it is.
    #[error("status {0}, not 101")]
    Refused(StatusCode),
    /// A 101 without `Upgrade: websocket`.
    #[error("101 without `Upgrade: websocket`")]
    NotWebSocket,
    /// A 101 without `Connection: Upgrade`.
    #[error("101 without `Connection: Upgrade`")]
    NotUpgraded,
    /// A 101 without the one `Sec-WebSocket-Accept` that answers the key, or to a request without a key.
    #[error("101 without the right Sec-WebSocket-Accept")]
    WrongAccept,
}

/// Whether the gateway's answer to an upgrade with `key` opens a WebSocket (RFC 6455 §4.1, "validate the server's response").
pub fn verify(status: StatusCode, headers: &HeaderMap, key: Option<&HeaderValue>) -> Result<(), NotSwitched> {
    if status != StatusCode::SWITCHING_PROTOCOLS {
        return Err(NotSwitched::Refused(status));
    }
    if !names(headers, UPGRADE, "websocket") {
        return Err(NotSwitched::NotWebSocket);
    }
    if !names(headers, CONNECTION, "upgrade") {
        return Err(NotSwitched::NotUpgraded);
    }
    let expected = key.map(accept_key).ok_or(NotSwitched::WrongAccept)?;
    let mut accepts = headers.get_all(SEC_WEBSOCKET_ACCEPT).iter();
    match (accepts.next(), accepts.next()) {
        (Some(accept), None) if accept.as_bytes().trim_ascii() == expected.as_bytes() => Ok(()),
        _ => Err(NotSwitched::WrongAccept),
    }
}

/// Whether a page of `origin` may open a WebSocket at `host` (the `Host` of the request, which came over `https` or not).
///
/// A request without an Origin does not come from a browser, whose user this protects (RFC 6455 §10.2): it may.
pub fn origin_allowed(allowed: &AllowedOrigins, origin: Option<&HeaderValue>, host: &str, https: bool) -> bool {
    let Some(origin) = origin else { return true };
    let origin = || origin.to_str().ok().and_then(Origin::parse);
    match allowed {
        AllowedOrigins::Any => true,
        AllowedOrigins::SameHost => {
            let scheme = if https { "https" } else { "http" };
            origin().zip(Origin::at(scheme, host)).is_some_and(|(origin, own)| origin.same_host(&own))
        }
        AllowedOrigins::List(list) => origin()
            .is_some_and(|origin| list.iter().filter_map(|entry| Origin::parse(entry)).any(|one| one.is(&origin))),
    }
}

/// Whether a field that is a list of tokens, on one line or several, names `token` in any case.
fn names(headers: &HeaderMap, field: impl AsHeaderName, token: &str) -> bool {
    let mut items = headers.get_all(field).iter().flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    items.any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// An origin (RFC 6454 §4), its port filled in.
struct Origin<'a> {
    scheme: &'a str,
    host: &'a str,
    port: u16,
}

impl<'a> Origin<'a> {
    /// Reads `scheme://host[:port]`. `null`, which sandboxed pages send, is not the origin of anything.
    fn parse(text: &'a str) -> Option<Self> {
        let (scheme, authority) = text.trim().split_once("://")?;
        Self::at(scheme, authority)
    }

    /// Reads `host[:port]`.
    fn at(scheme: &'a str, authority: &'a str) -> Option<Self> {
        // The colons of an IPv6 address stand in brackets.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let port = match port {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok()?,
            None if scheme.eq_ignore_ascii_case("https") => 443,
            None if scheme.eq_ignore_ascii_case("http") => 80,
            Some(_) | None => return None,
        };
        let plain = !host.is_empty() && !host.contains(['/', '?', '#', '@', '\\']);
        plain.then_some(Self { scheme, host, port })
    }

    fn same_host(&self, other: &Self) -> bool {
        self.host.eq_ignore_ascii_case(other.host) && self.port == other.port
    }

    fn is(&self, other: &Self) -> bool {
        self.scheme.eq_ignore_ascii_case(other.scheme) && self.same_host(other)
    }
}
