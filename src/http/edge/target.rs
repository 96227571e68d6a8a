//! The target and host of a request: checked, and then passed on byte for byte (rule 1).

use http::header::{HOST, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, Version};

use super::connection_info::{ConnectionInfo, Protocol};
use super::exchange::RequestExchange;
use super::host;
use crate::config::Name;
use crate::http::error::{BadRequest, RequestFailure};

/// Determines the target and host of a request, and checks them.
///
/// # Errors
/// If the request cannot be passed on exactly, or is not for frontgate.
pub(crate) fn check(exchange: &mut RequestExchange) -> Result<(), RequestFailure> {
    if exchange.has_fragment {
        return Err(RequestFailure::BadRequest(BadRequest::FragmentInTarget));
    }
    exchange.host = requested_host(&exchange.head)?;
    exchange.target = requested_target(&exchange.head, &exchange.connection_info)?;
    let names = exchange.connection_info.certificate.as_ref().map_or(&[][..], |shown| shown.names());
    if is_misdirected(&exchange.connection_info, &exchange.host, names) {
        return Err(RequestFailure::Misdirected);
    }
    Ok(())
}

/// The one `Host` of a request, byte for byte as it came (RFC 9112 §3.2, RFC 9113 §8.3.1).
///
/// # Errors
/// If there is none, there are two, or it is no host.
pub fn requested_host(head: &Parts) -> Result<HeaderValue, RequestFailure> {
    let flaw = |flaw| Err(RequestFailure::BadRequest(flaw));
    let mut fields = head.headers.get_all(HOST).iter();
    let (field, authority) = (fields.next(), head.uri.authority());
    if fields.next().is_some() {
        return flaw(BadRequest::TwoHosts);
    }
    let host = match (field, authority) {
        (None, None) => return flaw(BadRequest::MissingHost),
        // HTTP/1.1 needs the field even where the target has the host.
        (None, Some(_)) if head.version < Version::HTTP_2 => return flaw(BadRequest::MissingHost),
        (None, Some(authority)) => {
            HeaderValue::try_from(authority.as_str()).map_err(|_| RequestFailure::BadRequest(BadRequest::BadHost))?
        }
        (Some(field), None) => field.clone(),
        // Two answers to "which host?" let two programs disagree: only the same one twice is passed on.
        (Some(field), Some(authority)) => {
            if !field.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) {
                return flaw(BadRequest::BadHost);
            }
            field.clone()
        }
    };
    match host.to_str() {
        Ok(text) if host::is_valid(text) => Ok(host),
        _ => flaw(BadRequest::BadHost),
    }
}

/// The path and query, or `*`, byte for byte as they came.
///
/// # Errors
/// If the target cannot be passed on as it is, or is not for frontgate.
pub fn requested_target(head: &Parts, connection_info: &ConnectionInfo) -> Result<PathAndQuery, RequestFailure> {
    if head.method == Method::CONNECT {
        return Err(RequestFailure::Connect);
    }
    if head.uri.scheme_str().is_some_and(|scheme| !scheme.eq_ignore_ascii_case(connection_info.scheme())) {
        // A request for another scheme than this connection's (RFC 9110 §7.4).
        return Err(RequestFailure::Misdirected);
    }
    match head.uri.path_and_query() {
        // A target that the parser emptied, such as `#`, reads as `/` and is written as nothing.
        Some(target) if target.as_str() == "/" && *target != PathAndQuery::from_static("/") => {
            Err(RequestFailure::BadRequest(BadRequest::BadTarget))
        }
        // RFC 3986 §2: a URI is ASCII. Gateways decode other bytes each in their own way.
        Some(target) if !target.as_str().is_ascii() => Err(RequestFailure::BadRequest(BadRequest::BadTarget)),
        // RFC 9112 §3.2.4: the server as a whole, which can be asked for its options only.
        Some(target) if target.as_str() == "*" && head.method != Method::OPTIONS => {
            Err(RequestFailure::BadRequest(BadRequest::BadTarget))
        }
        Some(target) if target.as_str().starts_with('/') || target.as_str() == "*" => Ok(target.clone()),
        Some(target) if target.as_str().starts_with('?') && head.version < Version::HTTP_2 => {
            // `http://host?query`: the path is empty, which is sent as `/` (RFC 9112 §3.2.1).
            let target = format!("/{}", target.as_str());
            PathAndQuery::try_from(target).map_err(|_| RequestFailure::BadRequest(BadRequest::BadTarget))
        }
        _ => Err(RequestFailure::BadRequest(BadRequest::BadTarget)),
    }
}

/// Over h2 a browser sends requests for several names on one connection, if the certificate it saw has them all. A
/// request for a name that the certificate does not have was sent by mistake and belongs on a connection of its own
/// (RFC 9110 §15.5.20). A client that dials one name and asks for another over HTTP/1.1 does so on purpose.
fn is_misdirected(connection_info: &ConnectionInfo, host: &HeaderValue, names: &[Name]) -> bool {
    let (Some(dialled), Ok(host), Protocol::Http2) =
        (&connection_info.server_name, host.to_str(), connection_info.protocol)
    else {
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
