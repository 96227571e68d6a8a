//! [`Collector`]: one request to a collector, from the look-up of its name to the end of its answer.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config::CollectorUrl;

/// Where traces and metrics are sent, and how it is reached.
#[derive(Clone)]
pub(crate) struct Collector {
    /// Where it is.
    pub(crate) url: CollectorUrl,
    /// How it is verified, if it speaks TLS.
    pub(crate) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    /// Looks its name up.
    pub(crate) look_up: LookUp,
}

/// Looks the addresses of a name up, within a time limit.
pub(super) type LookUp = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Arc<[IpAddr]>>> + Send + Sync>;

/// Why a collector has not taken an export.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    #[error("{0}")]
    Unreachable(#[from] io::Error),
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    #[error("no answer within {0:?}")]
    Silent(Duration),
    #[error("it answers {status}")]
    Refused { status: StatusCode, retry_after: Option<Duration> },
    #[error("its answer cannot be read")]
    NotOtlp,
}

impl ExportError {
    /// Whether the same may be taken later, and how long to wait if it says so (OTLP, failures).
    pub(super) fn may_pass_later(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Broken(_) | Self::Silent(_) => true,
            Self::Refused { status, .. } => matches!(status.as_u16(), 429 | 502 | 503 | 504),
            Self::NotOtlp => false,
        }
    }

    /// How long it asks to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl Collector {
    /// Sends a message to the path of a signal; the message that is its answer.
    pub(super) async fn export(&self, signal_path: &str, message: Bytes) -> Result<Bytes, ExportError> {
        let exported = async {
            let stream = self.connect().await?;
            match &self.tls {
                None => self.post(stream, signal_path, message).await,
                Some((config, name)) => {
                    let connector = TlsConnector::from(Arc::clone(config));
                    self.post(connector.connect(name.clone(), stream).await?, signal_path, message).await
                }
            }
        };
        timeout(LONGEST, exported).await.map_err(|_| ExportError::Silent(LONGEST))?
    }

    #[expect(clippy::disallowed_methods, reason = "the address is the configuration's, and no gateway's")]
    async fn connect(&self) -> Result<TcpStream, ExportError> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
        for ip in &*(self.look_up)(self.url.host.clone()).await? {
            match timeout(CONNECT, TcpStream::connect((*ip, self.url.port))).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(last.into())
    }

    async fn post(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        signal_path: &str,
        message: Bytes,
    ) -> Result<Bytes, ExportError> {
        let request = Request::post(format!("{}{signal_path}", self.url.path))
            .header(HOST, self.url.authority())
            .header(CONTENT_TYPE, PROTOBUF)
            .header(USER_AGENT, concat!("frontgate/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(message))
            .map_err(|_| ExportError::NotOtlp)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let mut connection = pin!(connection);
        let mut answered = pin!(async move { read(sender.send_request(request).await?).await });
        tokio::select! {
            answer = &mut answered => answer,
            // What it said before its end is still to be read.
            _ = &mut connection => answered.await,
        }
    }
}

async fn read(answer: Response<Incoming>) -> Result<Bytes, ExportError> {
    let (head, body) = answer.into_parts();
    if !head.status.is_success() {
        let seconds = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        return Err(ExportError::Refused { status: head.status, retry_after: seconds.map(Duration::from_secs) });
    }
    let body = Limited::new(body, LONGEST_ANSWER).collect().await.map_err(|_| ExportError::NotOtlp)?;
    Ok(body.to_bytes())
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").field("url", &self.url).finish_non_exhaustive()
    }
}

const PROTOBUF: &str = "application/x-protobuf";
/// How long an export may take (the specification's default).
const LONGEST: Duration = Duration::from_secs(10);
/// How long one address of the collector is tried.
const CONNECT: Duration = Duration::from_secs(3);
/// What an answer has is a number and a sentence.
const LONGEST_ANSWER: usize = 64 * 1024;
