//! [`IssuerHttp`]: requests of frontgate's own to an issuer, bounded in time and size.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, USER_AGENT};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio::time::timeout;

use crate::config::{UpstreamAddress, is_loopback};
use crate::listener::NameResolver;
use crate::tls::ClientTls;
use crate::upstream::Connector;

/// Asks an issuer over a connection for each request: a login takes three, and hours pass between logins.
///
/// It follows no redirect: an issuer's answer must not lead frontgate to other servers.
#[derive(Clone)]
pub(crate) struct IssuerHttp {
    /// How an issuer over https is verified.
    pub(crate) tls: Arc<rustls::ClientConfig>,
    /// The name of its certificate, where that is not its host.
    pub(crate) verified: Arc<ClientTls>,
    /// The resolver of its name.
    pub(crate) names: NameResolver,
}

/// Why an issuer could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IssuerHttpError {
    /// An address that frontgate does not ask: logins never go over a network in plain text.
    #[error("{0} is not https, and not on this machine")]
    Address(Uri),
    /// The host's name cannot stand in a certificate.
    #[error(transparent)]
    Name(#[from] InvalidDnsNameError),
    /// It could not be reached, or did not speak HTTP.
    #[error("{0}: {1}")]
    Failed(Uri, #[source] Box<dyn Error + Send + Sync>),
    /// It did not answer in time.
    #[error("{0}: no answer within {whole} s", whole = WHOLE.as_secs())]
    TimedOut(Uri),
}

impl<'c> AsyncHttpClient<'c> for IssuerHttp {
    type Error = IssuerHttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, IssuerHttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let uri = request.uri().clone();
            timeout(WHOLE, self.exchange(request)).await.unwrap_or(Err(IssuerHttpError::TimedOut(uri)))
        })
    }
}

impl IssuerHttp {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, IssuerHttpError> {
        let uri = request.uri().clone();
        let failed = |error: Box<dyn Error + Send + Sync>| IssuerHttpError::Failed(uri.clone(), error);
        let address = address(&uri).ok_or_else(|| IssuerHttpError::Address(uri.clone()))?;
        let tls = |host: &str| {
            let name: ServerName<'static> = self.verified.server_name(host)?;
            Ok::<_, InvalidDnsNameError>((Arc::clone(&self.tls), name))
        };
        let connector = Connector::new(&address, Some(CONNECT), tls)?.asking(self.names.clone());
        let stream = connector.connect().await.map_err(|error| failed(error.into()))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(error.into()))?;
        let request = addressed(request).ok_or_else(|| IssuerHttpError::Address(uri.clone()))?;
        let answer = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, LARGEST).collect().await?.to_bytes();
            Ok(Response::from_parts(head, body.to_vec()))
        };
        tokio::pin!(answer, connection);
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            // What was read before the connection ended is still on its way.
            _ = &mut connection => answer.await,
        }
        .map_err(failed)
    }
}

/// Where a URL is asked. Plain http goes to this machine only.
fn address(uri: &Uri) -> Option<UpstreamAddress> {
    let authority = uri.authority()?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = authority.port_u16();
    match uri.scheme_str()? {
        "https" => Some(UpstreamAddress::Https { host, port: port.unwrap_or(443) }),
        "http" if is_loopback(authority.host()) => Some(UpstreamAddress::Http { host, port: port.unwrap_or(80) }),
        _ => None,
    }
}

/// The request in origin form, with `Host` (RFC 9112 §3.2.1).
fn addressed(request: HttpRequest) -> Option<Request<Full<Bytes>>> {
    let (mut head, body) = request.into_parts();
    let authority = head.uri.authority()?.as_str();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    head.headers.insert(HOST, HeaderValue::try_from(host).ok()?);
    head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    head.headers.insert(USER_AGENT, HeaderValue::from_static(concat!("frontgate/", env!("CARGO_PKG_VERSION"))));
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    head.uri = target.parse().ok()?;
    Some(Request::from_parts(head, Full::new(body.into())))
}

/// For one request, the connection included.
const WHOLE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);
/// Bytes. An issuer's settings and keys have some ten kilobytes.
const LARGEST: usize = 512 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_this_machine_are_asked() {
        for (text, expected) in [
            ("https://id.example.com/x", Some("https://id.example.com:443")),
            ("https://id.example.com:8443", Some("https://id.example.com:8443")),
            ("https://[::1]/", Some("https://[::1]:443")),
            ("http://127.0.0.1:9000/x", Some("http://127.0.0.1:9000")),
            ("http://[::1]/x", Some("http://[::1]:80")),
            ("http://localhost/x", Some("http://localhost:80")),
            ("http://id.example.com/", None),
            ("http://169.254.169.254/latest", None),
            ("ftp://127.0.0.1/", None),
            ("/x", None),
        ] {
            let found = address(&text.parse().unwrap()).map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
