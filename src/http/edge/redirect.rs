//! The answer of a plain listener: go to https.

use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderValue, Response, StatusCode};

use super::exchange::RequestExchange;
use super::host;
use super::request_handler::RequestHandler;
use crate::http::error::{BadRequest, RequestFailure};
use crate::http::proxy::body::AnswerBody;
use crate::observe::access::{AccessLine, AnsweredBy};

/// Sends every client to the same host and target under https.
pub(crate) struct HttpsRedirect {
    /// Where https is.
    pub(crate) https: HttpsLocation,
}

/// Where https is, as clients see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HttpsLocation {
    /// The port of the https listener; `None` where there is none to go to.
    pub(crate) port: Option<u16>,
    /// Whether a plain listener has port 80 itself.
    pub(crate) beside_80: bool,
}

impl RequestHandler for HttpsRedirect {
    async fn handle(
        &self,
        exchange: &mut RequestExchange,
        access: &mut AccessLine,
    ) -> Result<Response<AnswerBody>, RequestFailure> {
        access.answered_by = AnsweredBy::Frontgate;
        let host = exchange.host.to_str().unwrap_or_default();
        // 308 keeps the method and the body (RFC 9110 §15.4.9).
        redirect_to(StatusCode::PERMANENT_REDIRECT, location(host, self.https, exchange.target.as_str()))
    }
}

/// A redirect to a location that was made of the request.
///
/// # Errors
/// The location cannot be sent: then what the client asked for was no target.
pub(crate) fn redirect_to(status: StatusCode, location: String) -> Result<Response<AnswerBody>, RequestFailure> {
    let location = HeaderValue::try_from(location).map_err(|_| RequestFailure::BadRequest(BadRequest::BadTarget))?;
    let mut response = Response::new(AnswerBody::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(LOCATION, location);
    // A browser keeps a permanent redirect for ever, also after the port, the listener or the route is gone.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

impl HttpsLocation {
    /// The https origin for a client that asked for `host`. A host without a port was reached at port 80. If none of
    /// frontgate's listeners has that, ports are mapped, as they are for a container, and https has its own port
    /// outside too.
    pub(crate) fn origin(self, host: &str) -> String {
        let (name, asked) = host::split(host);
        let mapped = asked.is_none() && !self.beside_80;
        match self.port {
            Some(port) if port != 443 && !mapped => format!("https://{name}:{port}"),
            _ => format!("https://{name}"),
        }
    }
}

fn location(host: &str, https: HttpsLocation, target: &str) -> String {
    let path = if target == "*" { "/" } else { target };
    https.origin(host) + path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_redirect_keeps_host_and_target_and_names_the_port() {
        let rows = [
            ("gw.example.com", Some(443), true, "/a?b=%2F", "https://gw.example.com/a?b=%2F"),
            ("gw.example.com:80", Some(8443), true, "/", "https://gw.example.com:8443/"),
            ("gw.example.com", Some(8443), true, "/", "https://gw.example.com:8443/"),
            ("[::1]:80", Some(8443), true, "//x/../y?", "https://[::1]:8443//x/../y?"),
            ("gw", None, true, "*", "https://gw/"),
            // Of a container: a request without a port was mapped, one with a port was not.
            ("gw.example.com", Some(8443), false, "/", "https://gw.example.com/"),
            ("gw.example.com:8080", Some(8443), false, "/", "https://gw.example.com:8443/"),
            ("[::1]", Some(8443), false, "*", "https://[::1]/"),
        ];
        for (host, port, beside_80, target, expected) in rows {
            assert_eq!(location(host, HttpsLocation { port, beside_80 }, target), expected);
        }
    }
}
