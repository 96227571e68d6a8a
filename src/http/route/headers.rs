//! Which header fields pass, in either direction (rules 2 and 3): pure functions over header fields.

use http::header::{AUTHORIZATION, CONNECTION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER, UPGRADE};
use http::{Version, request};

use super::header_rules;
use super::protected::ProtectedFields;
use crate::config::HeaderRules;
use crate::http::edge::forwarded::Forwarding;

/// What decides which fields of a request pass.
#[derive(Debug, Clone, Copy)]
pub struct FieldFilter<'a> {
    /// What the gateway is told about the client.
    pub forwarding: &'a Forwarding,
    /// The fields that not every client may send.
    pub protected: &'a ProtectedFields,
    /// Whether a name and password in `Authorization` are meant for frontgate.
    pub basic_is_ours: bool,
    /// The changes of the route to the head, which no field behind the body may undo.
    pub rules: Option<&'a HeaderRules>,
}

/// Hands over the fields of a request as the gateway gets them: the client's fields that may pass, as they came and in
/// their order, then frontgate's.
pub fn to_gateway(
    head: &request::Parts,
    host: &HeaderValue,
    passing: FieldFilter<'_>,
    connection: ConnectionEffect,
    mut field: impl FnMut(&HeaderName, &HeaderValue),
) {
    let came = &head.headers;
    let named = named_by_connection(came);
    let sender = passing.forwarding.sender();
    let cookie = if head.version == Version::HTTP_2 { joined_cookie(came) } else { None };
    if !came.contains_key(HOST) {
        field(&HOST, host);
    }
    let (mut joined, mut te, mut trailer) = (false, false, false);
    for (name, value) in came {
        if is_hop_by_hop(name) {
            te |= *name == TE;
            trailer |= *name == TRAILER;
        } else if (!named.is_empty() && named.contains(name) && *name != HOST)
            || !passing.protected.pass(name, sender)
            || (*name == AUTHORIZATION && passing.protected.own.has(value, passing.basic_is_ours))
        {
            // The field is not passed on.
        } else if *name == COOKIE {
            let whole = cookie.as_ref().unwrap_or(value);
            if (cookie.is_none() || !std::mem::replace(&mut joined, true))
                && let Some(left) = passing.protected.own.without_ours(whole)
            {
                field(name, &left);
            }
        } else {
            field(name, value);
        }
    }
    if te && accepts_trailers(came) {
        field(&TE, &HeaderValue::from_static("trailers"));
    }
    if trailer {
        // Only fields that are announced follow the body.
        let stays = |name: &HeaderName| {
            is_hop_by_hop(name)
                || *name == AUTHORIZATION
                || named.contains(name)
                || !passing.protected.pass(name, sender)
                || passing.rules.is_some_and(|rules| header_rules::replaces(rules, name))
        };
        came.get_all(TRAILER)
            .iter()
            .filter_map(|value| announced(value, stays))
            .for_each(|value| field(&TRAILER, &value));
    }
    // Fields of these names that the client sent have not passed.
    for (name, value) in &passing.forwarding.fields {
        field(name, value);
    }
    if connection == ConnectionEffect::Upgrade {
        field(&CONNECTION, &HeaderValue::from_static("Upgrade"));
        field(&UPGRADE, &HeaderValue::from_static("websocket"));
    }
}

/// Makes the fields of an answer what the client gets; only fields that belong to the connection to the gateway are
/// taken away.
pub(crate) fn to_client(headers: &mut HeaderMap, connection: ConnectionEffect) {
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
    if connection == ConnectionEffect::Upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
}

/// What a message does to its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionEffect {
    /// The connection stays what it is.
    Stays,
    /// The message asks for a WebSocket, or grants one.
    Upgrade,
}

/// Fields that are for one connection only (RFC 9110 §7.6.1), and what a client of h2c offers (RFC 7540 §3.2.1).
fn is_hop_by_hop(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(name, "connection" | "te" | "trailer" | "transfer-encoding" | "upgrade" | "keep-alive" | "http2-settings")
        || name.starts_with("proxy-")
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

/// A `Trailer` field without the names that stay; `None` if none is left.
fn announced(value: &HeaderValue, stays: impl Fn(&HeaderName) -> bool) -> Option<HeaderValue> {
    let name = |token: &str| HeaderName::from_bytes(token.as_bytes()).ok();
    if tokens(value).all(|token| name(token).is_some_and(|name| !stays(&name))) {
        return Some(value.clone());
    }
    let left: Vec<&str> = tokens(value).filter(|token| name(token).is_some_and(|name| !stays(&name))).collect();
    (!left.is_empty()).then(|| HeaderValue::try_from(left.join(", ")).ok()).flatten()
}

fn accepts_trailers(headers: &HeaderMap) -> bool {
    headers.get_all(TE).into_iter().flat_map(tokens).any(|coding| coding.eq_ignore_ascii_case("trailers"))
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &str> {
    value.to_str().unwrap_or_default().split(',').map(str::trim)
}

/// Over h2 a cookie may come in several fields; HTTP/1.1 knows one (RFC 9113 §8.2.3). `None` if it came in one.
fn joined_cookie(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut crumbs = headers.get_all(COOKIE).into_iter();
    let (first, second) = (crumbs.next()?, crumbs.next()?);
    let all: Vec<&[u8]> = [first, second].into_iter().chain(crumbs).map(HeaderValue::as_bytes).collect();
    HeaderValue::from_bytes(&all.join(&b"; "[..])).ok()
}

#[cfg(test)]
mod tests;
