//! The answer of a plain listener: go to https.

use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderValue, Response, StatusCode};

use super::body::Body;
use super::error::{Failure, Flaw};
use super::exchange::Exchange;
use super::handle::Handle;
use super::host;
use crate::observe::access::{Access, AnsweredBy};

/// Sends every client to the same host and target under https.
pub struct Redirect {
    /// The port of the https listener; `None` where there is none to go to.
    pub port: Option<u16>,
}

impl Handle for Redirect {
    async fn handle(&self, exchange: Exchange, access: &mut Access) -> Result<Response<Body>, Failure> {
        access.answered_by = AnsweredBy::Frontgate;
        let host = exchange.host.to_str().unwrap_or_default();
        let mut response = Response::new(Body::empty());
        // 308 keeps the method and the body (RFC 9110 §15.4.9).
        *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
        let location = HeaderValue::try_from(location(host, self.port, exchange.target.as_str()))
            .map_err(|_| Failure::BadRequest(Flaw::BadTarget))?;
        response.headers_mut().insert(LOCATION, location);
        // A browser keeps a permanent redirect for ever, also after the port or the listener is gone.
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }
}

fn location(host: &str, port: Option<u16>, target: &str) -> String {
    let (name, _) = host::split(host);
    let path = if target == "*" { "/" } else { target };
    match port {
        None | Some(443) => format!("https://{name}{path}"),
        Some(port) => format!("https://{name}:{port}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_redirect_keeps_host_and_target_and_names_the_port() {
        let rows = [
            ("gw.example.com", Some(443), "/a?b=%2F", "https://gw.example.com/a?b=%2F"),
            ("gw.example.com:80", Some(8443), "/", "https://gw.example.com:8443/"),
            ("[::1]:80", Some(8443), "//x/../y?", "https://[::1]:8443//x/../y?"),
            ("gw", None, "*", "https://gw/"),
        ];
        for (host, port, target, expected) in rows {
            assert_eq!(location(host, port, target), expected);
        }
    }
}
