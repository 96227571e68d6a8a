//! The opening handshake (RFC 6455 §4): what an upgrade is, whether the gateway switched, and which pages may ask for
//! one.

use http::header::{AsHeaderName, CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use http::{Method, StatusCode, Version};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::config::AllowedOrigins;

/// Whether a request asks for a WebSocket: a GET over HTTP/1.1 without a body whose Connection names `upgrade` and
/// whose Upgrade names `websocket` (RFC 6455 §4.1). Anything else is an ordinary request. Over HTTP/2, where clients cannot send
/// these fields, an extended CONNECT was made such a GET.
pub(crate) fn is_upgrade(method: &Method, version: Version, headers: &HeaderMap, has_body: bool) -> bool {
    method == Method::GET
        && matches!(version, Version::HTTP_11 | Version::HTTP_2)
        && !has_body
        && names(headers, CONNECTION, "upgrade")
        && names(headers, UPGRADE, "websocket")
}

/// The `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key` (RFC 6455 §4.2.2).
pub(crate) fn accept_key(key: &HeaderValue) -> String {
    derive_accept_key(key.as_bytes().trim_ascii())
}

/// Why a response does not open a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotSwitched {
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

/// Whether the gateway's answer to an upgrade with `key` opens a WebSocket (RFC 6455 §4.1, "validate the server's
/// response").
pub(crate) fn verify(status: StatusCode, headers: &HeaderMap, key: Option<&HeaderValue>) -> Result<(), NotSwitched> {
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

/// Whether a page of `origin` may open a WebSocket at `host` (the `Host` of the request, which came over `https` or
/// not).
///
/// A request without an Origin does not come from a browser, whose user this protects (RFC 6455 §10.2): it is allowed.
pub(crate) fn origin_allowed(allowed: &AllowedOrigins, origin: Option<&HeaderValue>, host: &str, https: bool) -> bool {
    let Some(origin) = origin else { return true };
    let origin = || origin.to_str().ok().and_then(RequestOrigin::parse);
    match allowed {
        AllowedOrigins::Any => true,
        AllowedOrigins::SameHost => {
            let scheme = if https { "https" } else { "http" };
            origin().zip(RequestOrigin::at(scheme, host)).is_some_and(|(origin, own)| origin.same_host(&own))
        }
        AllowedOrigins::List(list) => origin().is_some_and(|origin| {
            list.iter().filter_map(|entry| RequestOrigin::parse(entry)).any(|one| one.is(&origin))
        }),
    }
}

/// Whether a field that is a list of tokens, on one line or several, names `token` in any case.
fn names(headers: &HeaderMap, field: impl AsHeaderName, token: &str) -> bool {
    let mut items = headers.get_all(field).iter().flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    items.any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// An origin (RFC 6454 §4) with its port, which is the scheme's default if it names none.
struct RequestOrigin<'a> {
    scheme: &'a str,
    host: &'a str,
    port: u16,
}

impl<'a> RequestOrigin<'a> {
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

#[cfg(test)]
mod tests {
    use http::header::HeaderName;

    use super::*;

    type Fields<'a> = &'a [(&'a str, &'a str)];

    fn headers(fields: Fields) -> HeaderMap {
        let field = |&(name, value): &(&str, &str)| {
            (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap())
        };
        fields.iter().map(field).collect()
    }

    #[test]
    fn an_upgrade_is_a_get_over_http_1_1_that_names_it() {
        let websocket = [("connection", "Upgrade"), ("upgrade", "websocket")];
        let get = Method::GET;
        let version = Version::HTTP_11;
        let rows: &[(&Method, Version, Fields, bool, bool)] = &[
            (&get, version, &websocket, false, true),
            (&get, version, &[("connection", "keep-alive, UPGRADE"), ("upgrade", "WebSocket")], false, true),
            (&get, version, &[("connection", "keep-alive"), ("connection", "upgrade"), websocket[1]], false, true),
            (&get, version, &[websocket[0], ("upgrade", "h2c, websocket")], false, true),
            (&get, version, &websocket, true, false),
            (&Method::POST, version, &websocket, false, false),
            (&Method::HEAD, version, &websocket, false, false),
            (&get, Version::HTTP_10, &websocket, false, false),
            (&get, Version::HTTP_2, &websocket, false, true),
            (&get, Version::HTTP_2, &websocket, true, false),
            (&get, version, &[websocket[0]], false, false),
            (&get, version, &[websocket[1]], false, false),
            (&get, version, &[websocket[0], ("upgrade", "h2c")], false, false),
            (&get, version, &[websocket[0], ("upgrade", "websockets")], false, false),
            (&get, version, &[websocket[0], ("upgrade", "websocket/13")], false, false),
            (&get, version, &[("connection", "upgrades"), websocket[1]], false, false),
            (&get, version, &[("connection", "no upgrade"), websocket[1]], false, false),
            (&get, version, &[], false, false),
        ];
        for &(method, version, fields, has_body, expected) in rows {
            let is = is_upgrade(method, version, &headers(fields), has_body);
            assert_eq!(is, expected, "{method} {version:?} {fields:?} body: {has_body}");
        }
    }

    #[test]
    fn only_a_101_with_the_right_accept_switches() {
        // Key and accept are the example of RFC 6455 §1.3.
        let key = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");
        let right = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        let (upgrade, connection) = (("upgrade", "websocket"), ("connection", "Upgrade"));
        let accept = ("sec-websocket-accept", right);
        let rows: &[(u16, Fields, Result<(), NotSwitched>)] = &[
            (101, &[upgrade, connection, accept], Ok(())),
            (101, &[("upgrade", "WebSocket"), ("connection", "keep-alive, upgrade"), accept], Ok(())),
            (200, &[upgrade, connection, accept], Err(NotSwitched::Refused(StatusCode::OK))),
            (403, &[], Err(NotSwitched::Refused(StatusCode::FORBIDDEN))),
            (101, &[connection, accept], Err(NotSwitched::NotWebSocket)),
            (101, &[("upgrade", "h2c"), connection, accept], Err(NotSwitched::NotWebSocket)),
            (101, &[upgrade, accept], Err(NotSwitched::NotUpgraded)),
            (101, &[upgrade, ("connection", "close"), accept], Err(NotSwitched::NotUpgraded)),
            (101, &[upgrade, connection], Err(NotSwitched::WrongAccept)),
            (101, &[upgrade, connection, accept, accept], Err(NotSwitched::WrongAccept)),
            (101, &[upgrade, connection, ("sec-websocket-accept", "")], Err(NotSwitched::WrongAccept)),
            (101, &[upgrade, connection, ("sec-websocket-accept", &right[1..])], Err(NotSwitched::WrongAccept)),
            (
                101,
                &[upgrade, connection, ("sec-websocket-accept", "S3PPLMBITXAQ9KYGZZHZRBK+XOO=")],
                Err(NotSwitched::WrongAccept),
            ),
        ];
        assert_eq!(accept_key(&key), right);
        for &(status, fields, expected) in rows {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(verify(status, &headers(fields), Some(&key)), expected, "{status} {fields:?}");
        }
        let whole = headers(&[upgrade, connection, accept]);
        assert_eq!(verify(StatusCode::SWITCHING_PROTOCOLS, &whole, None), Err(NotSwitched::WrongAccept));
    }

    #[test]
    fn pages_may_connect_from_where_the_config_says() {
        let list = |entries: &[&str]| AllowedOrigins::List(entries.iter().map(ToString::to_string).collect());
        let any = AllowedOrigins::Any;
        let same = AllowedOrigins::SameHost;
        let gateway = list(&["https://other.example", "https://gw.example.com"]);
        let with_port = list(&["https://gw.example.com:8443", "http://[::1]:8080"]);
        let default_port = list(&["https://gw.example.com:443"]);
        let rows: &[(&AllowedOrigins, Option<&str>, &str, bool, bool)] = &[
            (&any, Some("https://evil.example"), "gw.example.com", true, true),
            (&any, Some("null"), "gw.example.com", true, true),
            // A request without an Origin does not come from a browser.
            (&any, None, "gw.example.com", true, true),
            (&same, None, "gw.example.com", true, true),
            (&gateway, None, "gw.example.com", true, true),
            // The default port may be left out on either side.
            (&same, Some("https://gw.example.com"), "gw.example.com", true, true),
            (&same, Some("https://gw.example.com"), "gw.example.com:443", true, true),
            (&same, Some("https://gw.example.com:443"), "GW.example.com", true, true),
            (&same, Some("https://gw.example.com:8443"), "gw.example.com:8443", true, true),
            (&same, Some("http://gw.example.com"), "gw.example.com", false, true),
            (&same, Some("https://[::1]:8443"), "[::1]:8443", true, true),
            (&same, Some("https://[::1]"), "[::1]", true, true),
            (&same, Some("https://[::2]"), "[::1]", true, false),
            (&same, Some("https://gw.example.com"), "gw.example.com:8443", true, false),
            (&same, Some("http://gw.example.com"), "gw.example.com", true, false),
            (&same, Some("https://evil.example"), "gw.example.com", true, false),
            (&same, Some("https://gw.example.com.evil.example"), "gw.example.com", true, false),
            (&same, Some("https://gw.example.com@evil.example"), "gw.example.com@evil.example", true, false),
            (&same, Some("https://gw.example.com/"), "gw.example.com", true, false),
            (&same, Some("https://gw.example.com:x"), "gw.example.com:x", true, false),
            (&same, Some("https://gw.example.com:"), "gw.example.com", true, false),
            (&same, Some("https://:443"), "", true, false),
            (&same, Some("null"), "null", true, false),
            (&same, Some(""), "gw.example.com", true, false),
            (&same, Some("chrome-extension://abcdef"), "abcdef", true, false),
            (&gateway, Some("https://gw.example.com"), "anything", true, true),
            (&gateway, Some("HTTPS://GW.EXAMPLE.COM:443"), "anything", true, true),
            (&gateway, Some("http://gw.example.com"), "gw.example.com", false, false),
            (&gateway, Some("http://gw.example.com:443"), "gw.example.com", false, false),
            (&gateway, Some("https://gw.example.com:8443"), "gw.example.com", true, false),
            (&gateway, Some("null"), "gw.example.com", true, false),
            (&with_port, Some("https://gw.example.com:8443"), "anything", true, true),
            (&with_port, Some("http://[::1]:8080"), "anything", true, true),
            (&with_port, Some("https://gw.example.com"), "gw.example.com:8443", true, false),
            (&default_port, Some("https://gw.example.com"), "anything", true, true),
        ];
        for &(allowed, origin, host, https, expected) in rows {
            let value = origin.map(|origin| HeaderValue::from_str(origin).unwrap());
            let is = origin_allowed(allowed, value.as_ref(), host, https);
            assert_eq!(is, expected, "{allowed:?}: {origin:?} at {host}, https: {https}");
        }
    }
}
