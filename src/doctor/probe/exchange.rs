//! One request and its answer, over a connection of its own.

use std::net::IpAddr;
use std::time::Duration;

use http::header::{CONNECTION, DATE, HOST, HeaderName, LOCATION};
use http::{HeaderValue, Request, StatusCode};
use tokio::time::timeout;

use crate::tls::{ByteStream, TlsFault};
use crate::upstream::{H1Connection, H1Error, RequestBody};

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProbeAnswer {
    pub(super) status: StatusCode,
    /// The beginning of the body, if it was text.
    pub(super) text: String,
    pub(super) date: Option<String>,
    pub(super) location: Option<String>,
    /// Our own address on that connection.
    pub(super) local: Option<IpAddr>,
}

/// Fields of a request.
pub(in crate::doctor) type ProbeFields = Vec<(HeaderName, HeaderValue)>;

/// There was no answer in HTTP, or none in time; the TLS error, if TLS is why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProbeUnanswered(pub(super) Option<TlsFault>);

/// Asks for `path`, and reads at most `longest` bytes of what is answered.
pub(super) async fn get(
    stream: ByteStream,
    host: &str,
    path: &str,
    fields: &ProbeFields,
    longest: usize,
) -> Result<ProbeAnswer, ProbeUnanswered> {
    let exchange = async {
        let request = request(host, path, fields).ok_or(ProbeUnanswered(None))?;
        let mut link = H1Connection::open(stream, LONGEST_HEAD);
        let response = link.exchange(request).await.map_err(|failed| match failed.error {
            H1Error::Io(error) => ProbeUnanswered(Some(TlsFault::of(&error))),
            _ => ProbeUnanswered(None),
        })?;
        let bytes = link.body(longest).await.unwrap_or_default();
        let field = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (date, location) = (field(DATE), field(LOCATION));
        let (status, local) = (response.status(), link.local_ip());
        Ok(ProbeAnswer { status, text: String::from_utf8_lossy(&bytes).into_owned(), date, location, local })
    };
    timeout(LONGEST_WAIT, exchange).await.unwrap_or(Err(ProbeUnanswered(None)))
}

/// A request without a body, which asks for its connection to be closed after it.
pub(super) fn request(host: &str, path: &str, fields: &ProbeFields) -> Option<Request<RequestBody>> {
    let mut request = Request::new(RequestBody::Empty);
    *request.uri_mut() = path.parse().ok()?;
    request.headers_mut().insert(HOST, host.parse().ok()?);
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    for (name, value) in fields {
        request.headers_mut().insert(name.clone(), value.clone());
    }
    Some(request)
}

/// How long one answer may take. A gateway that is starting is busy for seconds.
pub(super) const LONGEST_WAIT: Duration = Duration::from_millis(2500);
pub(super) const LONGEST_HEAD: usize = 64 * 1024;
pub(super) const LONGEST_BODY: usize = 64 * 1024;
