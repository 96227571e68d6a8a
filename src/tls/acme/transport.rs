//! [`DirectoryHttps`]: the HTTPS connection to the directory, and [`RecordingClient`]: the parts of the answers that
//! the ACME library drops.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config;
use crate::listener::{NameResolver, in_turns, race};
use crate::tls::x509::pem;
use crate::tls::{ClientTls, client_config};

/// Makes the HTTP client of one session with the directory; it is not kept between sessions.
pub(crate) type DirectoryDial = Arc<dyn Fn() -> Result<Arc<dyn HttpClient>, Error> + Send + Sync>;

/// HTTPS to a directory, with a TLS connection per request. A certificate takes a dozen requests every few weeks; a
/// pool of connections would need maintenance in between.
pub struct DirectoryHttps {
    config: Arc<ClientConfig>,
    names: NameResolver,
}

/// Why `tls.acme.ca_file` cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "tls.acme.ca_file: {path}: {what}; it takes a PEM file with the certificate of the CA that signed the directory's"
)]
pub struct HttpsError {
    path: PathBuf,
    what: String,
}

impl DirectoryHttps {
    /// Trusts this system's certificates, and the ones in `ca_file` besides.
    ///
    /// # Errors
    /// The file cannot be read or holds no certificate.
    pub fn dial(ca_file: Option<&Path>) -> Result<DirectoryDial, HttpsError> {
        let extra = ca_file.map(read).transpose()?.unwrap_or_default();
        Ok(Arc::new(move || {
            let config =
                client_config(&ClientTls::by(extra.iter().cloned())).map_err(|error| Error::Other(Box::new(error)))?;
            Ok(Arc::new(Self { config, names: NameResolver::default() }))
        }))
    }
}

impl HttpClient for DirectoryHttps {
    fn request(&self, request: Request<BodyWrapper<Bytes>>) -> DirectoryResponse {
        let (config, names) = (Arc::clone(&self.config), self.names.clone());
        Box::pin(async move {
            let exchange = timeout(LONGEST_WAIT, exchange(config, &names, request)).await;
            let late =
                || io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", LONGEST_WAIT.as_secs()));
            let response = exchange.unwrap_or_else(|_| Err(late())).map_err(|error| Error::Other(Box::new(error)))?;
            Ok(BytesResponse::from(response))
        })
    }
}

async fn exchange(
    config: Arc<ClientConfig>,
    names: &NameResolver,
    request: Request<BodyWrapper<Bytes>>,
) -> io::Result<Response<Full<Bytes>>> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("{what} in {}", request.uri()));
    let authority = request.uri().authority().cloned().ok_or_else(|| bad("no host"))?;
    if request.uri().scheme_str() != Some("https") {
        return Err(bad("not https"));
    }
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host.clone()).map_err(|_| bad("no usable host"))?;
    let stream = connect(names, &host, authority.port_u16().unwrap_or(443)).await?;
    let stream = TlsConnector::from(config).connect(name, stream).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;

    let (mut head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    head.uri = target.parse().map_err(io::Error::other)?;
    head.headers.insert(HOST, HeaderValue::try_from(authority.as_str()).map_err(io::Error::other)?);
    let answer = async {
        let response = sender.send_request(Request::from_parts(head, body)).await.map_err(io::Error::other)?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LARGEST_ANSWER).collect().await.map_err(io::Error::other)?;
        Ok(Response::from_parts(head, Full::new(body.to_bytes())))
    };
    tokio::pin!(answer, connection);
    tokio::select! {
        answer = &mut answer => answer,
        ended = &mut connection => {
            // Bytes that were read before the connection ended are still on their way to `answer`.
            let answer = answer.await;
            ended.map_err(io::Error::other).and(answer)
        }
    }
}

/// Connects to the first address that answers. An address that does not, such as IPv6's on a machine that only thinks
/// it has it, must not use up the time of the others.
async fn connect(names: &NameResolver, host: &str, port: u16) -> io::Result<TcpStream> {
    let found = names.find(host).await?;
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address")));
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "the authority is no gateway: `upstream/connect.rs` does not know it"
    )]
    let connected = timeout(CONNECT_PATIENCE, race(&in_turns(&found, port, None), TcpStream::connect)).await;
    let silent = || io::Error::new(io::ErrorKind::TimedOut, format!("{host} does not answer"));
    connected.unwrap_or_else(|_| Err(silent())).map(|(_, stream)| stream)
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, HttpsError> {
    let failed = |what: String| HttpsError { path: path.to_owned(), what };
    let text = config::contents(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
    match pem::certificates(&text) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(failed("holds no certificate".to_owned())),
        Err(error) => Err(failed(format!("is not valid PEM: {error}"))),
    }
}

type DirectoryResponse = Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>>;

/// Records every answer on its way: the library keeps neither the `Retry-After` of a refusal (RFC 8555 §6.6), nor the
/// status of an answer that is not JSON, as a load balancer gives when the directory is down.
#[derive(Clone)]
pub(super) struct RecordingClient {
    inner: Arc<dyn HttpClient>,
    retry_after: Arc<Mutex<Option<Duration>>>,
}

/// An answer that is not the directory's own, such as a load balancer's.
#[derive(Debug, thiserror::Error)]
#[error("the directory's server answered {0}")]
pub(super) struct NoDirectory(pub(super) http::StatusCode);

impl RecordingClient {
    pub(super) fn new(inner: Arc<dyn HttpClient>) -> Self {
        Self { inner, retry_after: Arc::default() }
    }

    /// The `Retry-After` of the last answer, if that was a refusal with one.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpClient for RecordingClient {
    fn request(&self, mut request: Request<BodyWrapper<Bytes>>) -> DirectoryResponse {
        // RFC 8555 §6.1: a client sends a `User-Agent`.
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
        // Not signed: the directory and the advice about renewals, which the library takes for granted.
        let is_get = request.method() == Method::GET;
        let (answer, note) = (self.inner.request(request), Arc::clone(&self.retry_after));
        Box::pin(async move {
            let mut answer = answer.await?;
            let status = answer.parts.status;
            let refused = status.is_client_error() || status.is_server_error();
            let told = answer.parts.headers.get(RETRY_AFTER).filter(|_| refused);
            let told = told.and_then(|told| seconds(told.to_str().ok()?, SystemTime::now()));
            *note.lock().unwrap_or_else(PoisonError::into_inner) = told;
            let is_json = answer
                .parts
                .headers
                .get(http::header::CONTENT_TYPE)
                .is_some_and(|kind| kind.to_str().is_ok_and(|kind| kind.contains("json")));
            if refused && (is_get || !is_json) {
                return Err(Error::Other(Box::new(NoDirectory(status))));
            }
            if is_get {
                // RFC 9773 §4.2 only recommends the field; the library requires it.
                answer.parts.headers.entry(RETRY_AFTER).or_insert(HeaderValue::from_static(UNTOLD));
            }
            Ok(answer)
        })
    }
}

/// The seconds in a `Retry-After` (RFC 9110 §10.2.3), which is a number or a date.
fn seconds(text: &str, now: SystemTime) -> Option<Duration> {
    match text.trim().parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(text.trim()).ok()?.duration_since(now).ok(),
    }
}

const AGENT: &str = concat!("frontgate/", env!("CARGO_PKG_VERSION"), " instant-acme");
/// Six hours, in seconds: the `Retry-After` of advice that came without one.
const UNTOLD: &str = "21600";
/// For one request, the connection included.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// Bytes. A chain has a few kilobytes.
const LARGEST_ANSWER: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (text, expected) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:27 GMT", None),
            ("soon", None),
            ("", None),
            ("-1", None),
        ] {
            assert_eq!(seconds(text, now), expected.map(Duration::from_secs), "{text:?}");
        }
    }
}
