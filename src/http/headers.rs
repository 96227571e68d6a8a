//! Which header fields pass, in either direction (rules 2 and 3): pure functions over header maps.

use http::header::{
    CONNECTION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{Version, request};

use super::forwarded::{Forwarding, passes};

/// The fields of a request as the gateway gets them: those that may pass, as they came and in their order, then ours.
pub fn to_gateway(
    head: &request::Parts,
    host: &HeaderValue,
    forwarding: &Forwarding,
    connection: Connection,
) -> HeaderMap {
    let came = &head.headers;
    let named = named_by_connection(came);
    let mut headers = HeaderMap::with_capacity(came.len() + forwarding.fields.len() + 3);
    if !came.contains_key(HOST) {
        headers.insert(HOST, host.clone());
    }
    for (name, value) in came {
        let hop = is_hop_by_hop(name) || (named.contains(name) && *name != HOST);
        if !hop && passes(name, forwarding) {
            headers.append(name, value.clone());
        }
    }
    if head.version == Version::HTTP_2 {
        join_cookies(&mut headers);
    }
    if accepts_trailers(came) {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    for trailer in came.get_all(TRAILER) {
        headers.append(TRAILER, trailer.clone());
    }
    for (name, value) in &forwarding.fields {
        headers.insert(name, value.clone());
    }
    if connection == Connection::Upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
    headers
}

/// The fields of an answer as the client gets them; only what belongs to the connection to the gateway is taken away.
pub fn to_client(headers: &mut HeaderMap, connection: Connection) {
    let named = named_by_connection(headers);
    let hop = |name: &HeaderName| (is_hop_by_hop(name) && *name != TRAILER) || named.contains(name);
    if headers.keys().any(hop) {
        // Not `remove`: that would put the last field in the place of the removed one.
        let came = std::mem::take(headers);
        headers.reserve(came.len());
        for (name, value) in &came {
            if !hop(name) {
                headers.append(name, value.clone());
            }
        }
    }
    if connection == Connection::Upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
}

/// What a message does to its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// Nothing.
    Stays,
    /// It asks for a WebSocket, or grants one.
    Upgrade,
}

/// Fields that are for one connection only (RFC 9110 §7.6.1).
fn is_hop_by_hop(name: &HeaderName) -> bool {
    *name == CONNECTION
        || *name == TE
        || *name == TRAILER
        || *name == TRANSFER_ENCODING
        || *name == UPGRADE
        || *name == "keep-alive"
        || name.as_str().starts_with("proxy-")
        // What a client of h2c offers (RFC 7540 §3.2.1).
        || *name == "http2-settings"
}

/// The fields that `Connection` names besides its own options.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let mut named = Vec::new();
    for token in headers.get_all(CONNECTION).into_iter().flat_map(tokens) {
        if !["close", "keep-alive", "upgrade"].iter().any(|option| token.eq_ignore_ascii_case(option))
            && let Ok(name) = HeaderName::from_bytes(token.as_bytes())
        {
            named.push(name);
        }
    }
    named
}

fn accepts_trailers(headers: &HeaderMap) -> bool {
    headers.get_all(TE).into_iter().flat_map(tokens).any(|coding| coding.eq_ignore_ascii_case("trailers"))
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &str> {
    value.to_str().unwrap_or_default().split(',').map(str::trim)
}

/// Over h2 a cookie may come in several fields; HTTP/1.1 knows one (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).into_iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1
        && let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]))
    {
        headers.insert(COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests;
