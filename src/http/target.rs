//! What a request is for: its target and host, checked, and then passed on byte for byte (rule 1).

use http::header::{HOST, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, Version};

use super::arrival::{Arrival, Protocol};
use super::error::{Failure, Flaw};
use super::exchange::Exchange;
use super::host;
use crate::config::Name;

/// Finds out what a request is for.
///
/// # Errors
/// It cannot be passed on exactly, or is not for us.
pub fn check(exchange: &mut Exchange) -> Result<(), Failure> {
    if exchange.has_fragment {
        return Err(Failure::BadRequest(Flaw::FragmentInTarget));
    }
    exchange.host = requested_host(&exchange.head)?;
    exchange.target = requested_target(&exchange.head, &exchange.arrival)?;
    let names = exchange.arrival.certificate.as_ref().map_or(&[][..], |shown| shown.names());
    if is_misdirected(&exchange.arrival, &exchange.host, names) {
        return Err(Failure::Misdirected);
    }
    Ok(())
}

/// The one `Host` of a request, byte for byte as it came (RFC 9112 §3.2, RFC 9113 §8.3.1).
///
/// # Errors
/// There is none, there are two, or it is no host.
pub fn requested_host(head: &Parts) -> Result<HeaderValue, Failure> {
    let flaw = |flaw| Err(Failure::BadRequest(flaw));
    let mut fields = head.headers.get_all(HOST).iter();
    let (field, authority) = (fields.next(), head.uri.authority());
    if fields.next().is_some() {
        return flaw(Flaw::TwoHosts);
    }
    let host = match (field, authority) {
        (None, None) => return flaw(Flaw::MissingHost),
        // HTTP/1.1 needs the field even where the target has the host.
        (None, Some(_)) if head.version < Version::HTTP_2 => return flaw(Flaw::MissingHost),
        (None, Some(authority)) => {
            HeaderValue::try_from(authority.as_str()).map_err(|_| Failure::BadRequest(Flaw::BadHost))?
        }
        (Some(field), None) => field.clone(),
        // Two answers to "which host?" let two programs disagree: only the same one twice is passed on.
        (Some(field), Some(authority)) => {
            if !field.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) {
                return flaw(Flaw::BadHost);
            }
            field.clone()
        }
    };
    match host.to_str() {
        Ok(text) if host::is_valid(text) => Ok(host),
        _ => flaw(Flaw::BadHost),
    }
}

/// The path and query, or `*`, byte for byte as they came.
///
/// # Errors
/// It cannot be passed on as it is, or is not for us.
pub fn requested_target(head: &Parts, arrival: &Arrival) -> Result<PathAndQuery, Failure> {
    if head.method == Method::CONNECT {
        return Err(Failure::Connect);
    }
    if head.uri.scheme_str().is_some_and(|scheme| !scheme.eq_ignore_ascii_case(arrival.scheme())) {
        // A request for another scheme than this connection's (RFC 9110 §7.4).
        return Err(Failure::Misdirected);
    }
    match head.uri.path_and_query() {
        // A target that the parser emptied, such as `#`, reads as `/` and is written as nothing.
        Some(target) if target.as_str() == "/" && *target != PathAndQuery::from_static("/") => {
            Err(Failure::BadRequest(Flaw::BadTarget))
        }
        // RFC 3986 §2: a URI is ASCII. Gateways decode other bytes each in their own way.
        Some(target) if !target.as_str().is_ascii() => Err(Failure::BadRequest(Flaw::BadTarget)),
        // RFC 9112 §3.2.4: the server as a whole, which can be asked for its options only.
        Some(target) if target.as_str() == "*" && head.method != Method::OPTIONS => {
            Err(Failure::BadRequest(Flaw::BadTarget))
        }
        Some(target) if target.as_str().starts_with('/') || target.as_str() == "*" => Ok(target.clone()),
        Some(target) if target.as_str().starts_with('?') && head.version < Version::HTTP_2 => {
            // `http://host?query`: the path is empty, which is sent as `/` (RFC 9112 §3.2.1).
            let target = format!("/{}", target.as_str());
            PathAndQuery::try_from(target).map_err(|_| Failure::BadRequest(Flaw::BadTarget))
        }
        _ => Err(Failure::BadRequest(Flaw::BadTarget)),
    }
}

/// Over h2 a browser sends requests for several names on one connection, if the certificate it saw has them all. One for a name
/// that it has not was sent by mistake and belongs on a connection of its own (RFC 9110 §15.5.20). Who dials one name and asks
/// for another over HTTP/1.1 does so on purpose.
fn is_misdirected(arrival: &Arrival, host: &HeaderValue, names: &[Name]) -> bool {
    let (Some(dialled), Ok(host), Protocol::Http2) = (&arrival.server_name, host.to_str(), arrival.protocol) else {
        return false;
    };
    let (asked, _) = host::split(host);
    !asked.eq_ignore_ascii_case(dialled) && !names.iter().any(|name| covers(name, asked))
}

fn covers(name: &Name, asked: &str) -> bool {
    match name {
        Name::Ip(ip) => asked.trim_matches(['[', ']']).parse() == Ok(*ip),
        Name::Dns(name) => match name.strip_prefix("*.") {
            Some(parent) => asked.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
            None => asked.eq_ignore_ascii_case(name),
        },
    }
}

#[cfg(test)]
mod tests;
